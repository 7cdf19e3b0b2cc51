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

/// Size from which a running sandbox rewrites its journal, once it is also twice its last snapshot.
const COMPACT_FROM_BYTES: u64 = 64 * 1024 * 1024;

/// Rows a line of a snapshot holds.
const SNAPSHOT_CHUNK: usize = 64;

#[derive(Debug)]
pub struct Journal {
    file: File,
    dir: PathBuf,
    bytes: u64,
    snapshot_bytes: u64,
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
        Ok(Self { file, dir: dir.to_owned(), bytes: whole, snapshot_bytes: 0 })
    }

    /// One line, on disk when this returns.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let line = line(changes)?;
        self.bytes += line.len() as u64;
        self.file.write_all(&line)?;
        self.file.sync_data()
    }

    /// It has grown so far beyond what it says that rewriting it pays.
    pub fn is_overgrown(&self) -> bool {
        self.bytes > COMPACT_FROM_BYTES && self.bytes / 2 > self.snapshot_bytes
    }

    /// Replaces the file by the current state, so that it does not grow for ever.
    pub fn compact(&mut self, state: &[Change]) -> io::Result<()> {
        let fresh = self.dir.join(FRESH);
        let mut file = File::create(&fresh)?;
        self.snapshot_bytes = 0;
        for chunk in state.chunks(SNAPSHOT_CHUNK) {
            let line = line(chunk)?;
            self.snapshot_bytes += line.len() as u64;
            file.write_all(&line)?;
        }
        self.bytes = self.snapshot_bytes;
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
