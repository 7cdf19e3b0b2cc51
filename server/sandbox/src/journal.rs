//! The sandbox's memory across `kill -9`: an append-only file, one JSON line for each answered
//! request, synced before the answer leaves. A torn last line is a request that was never
//! answered, and is dropped. Card numbers never get here: rows hold brand and last four.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::table::Change;

const FILE: &str = "sandbox.journal";
const FRESH: &str = "sandbox.journal.new";

/// Longest line read back. A request changes few rows, and a snapshot is written in small lines.
const MAX_LINE_BYTES: u64 = 8 * 1024 * 1024;

/// Rows a line of a snapshot holds.
const SNAPSHOT_CHUNK: usize = 64;

#[derive(Debug)]
pub struct Journal {
    file: File,
    dir: PathBuf,
}

impl Journal {
    /// Opens the journal in `dir` and hands every change in it to `apply`, in order.
    pub fn open(dir: &Path, mut apply: impl FnMut(Change)) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(FILE);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let whole = replay(&file, &mut apply)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        sync_dir(dir)?;
        Ok(Self { file, dir: dir.to_owned() })
    }

    /// One line, on disk when this returns.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        self.file.write_all(&line(changes)?)?;
        self.file.sync_data()
    }

    /// Replaces the file by the current state, so that it does not grow over restarts.
    pub fn compact(&mut self, state: &[Change]) -> io::Result<()> {
        let fresh = self.dir.join(FRESH);
        let mut file = File::create(&fresh)?;
        for chunk in state.chunks(SNAPSHOT_CHUNK) {
            file.write_all(&line(chunk)?)?;
        }
        file.sync_all()?;
        fs::rename(&fresh, self.dir.join(FILE))?;
        sync_dir(&self.dir)?;
        self.file = file;
        Ok(())
    }
}

fn line(changes: &[Change]) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(changes)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Bytes of whole lines at the start of the file; each was applied.
fn replay(file: &File, apply: &mut impl FnMut(Change)) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let mut whole = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut reader, MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(whole);
        }
        let Ok(changes) = serde_json::from_slice::<Vec<Change>>(&line) else {
            tracing::warn!(at = whole, "the sandbox journal is damaged here; the rest is dropped");
            return Ok(whole);
        };
        changes.into_iter().for_each(&mut *apply);
        whole += read as u64;
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
