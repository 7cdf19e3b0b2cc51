//! Sorts more records than fit in memory.
//!
//! Records are byte strings compared as such. A full buffer is sorted and written as a run to one
//! nameless file, in blocks sealed under a key that only this process holds: the records name
//! procedures (health information), and what a crash leaves on the disk must be unreadable. At the
//! end the runs are merged. When everything fits in the buffer nothing is written at all.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, aead::Aead};

/// Each sorter's buffer. Two live at once.
pub const BUFFER: usize = 12 << 20;
/// Plain bytes of a block; each run being merged holds one.
const BLOCK: usize = 32 * 1024;
/// 12 MB each: far beyond what an input may hold.
const MOST_RUNS: usize = 1_500;
const TAG: usize = 16;

pub struct Sorter {
    scratch: PathBuf,
    limit: usize,
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
    spill: Option<Spill>,
}

impl Sorter {
    pub fn new(scratch: &Path) -> Self {
        Self::with_buffer(scratch, BUFFER)
    }

    fn with_buffer(scratch: &Path, limit: usize) -> Self {
        let scratch = scratch.to_owned();
        Self { scratch, limit, bytes: Vec::new(), spans: Vec::new(), spill: None }
    }

    /// A record is shorter than a block.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        if record.len() > BLOCK - 4 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record is too long"));
        }
        // A span costs as much as eight bytes of record.
        if self.bytes.len() + record.len() + self.spans.len() * 8 > self.limit {
            self.write_run()?;
        }
        let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(record);
        self.spans.push((start, start + record.len() as u32));
        Ok(())
    }

    /// The records in order.
    pub fn finish(mut self) -> io::Result<Sorted> {
        if self.spill.is_some() {
            self.write_run()?;
        } else {
            self.sort();
        }
        let Some(spill) = self.spill else {
            return Ok(Sorted::Memory { bytes: self.bytes, spans: self.spans, next: 0 });
        };
        let mut merge = Merge { runs: Vec::new(), heap: BinaryHeap::new(), spill, last: None };
        for range in std::mem::take(&mut merge.spill.runs) {
            let mut run = Run { next: range.0, end: range.1, block: Vec::new(), at: 0 };
            if let Some(record) = run.next(&mut merge.spill)? {
                merge.heap.push(Reverse((record, merge.runs.len())));
            }
            merge.runs.push(run);
        }
        Ok(Sorted::Merged(Box::new(merge)))
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|a, b| slice(bytes, *a).cmp(slice(bytes, *b)));
    }

    fn write_run(&mut self) -> io::Result<()> {
        if self.spans.is_empty() {
            return Ok(());
        }
        self.sort();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::create(&self.scratch)?),
        };
        spill.write_run(self.spans.iter().map(|span| slice(&self.bytes, *span)))?;
        self.bytes.clear();
        self.spans.clear();
        Ok(())
    }
}

fn slice(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    &bytes[start as usize..end as usize]
}

pub enum Sorted {
    Memory { bytes: Vec<u8>, spans: Vec<(u32, u32)>, next: usize },
    Merged(Box<Merge>),
}

impl Sorted {
    pub fn next(&mut self) -> io::Result<Option<&[u8]>> {
        match self {
            Self::Memory { bytes, spans, next } => {
                let Some(span) = spans.get(*next) else { return Ok(None) };
                *next += 1;
                Ok(Some(slice(bytes, *span)))
            }
            Self::Merged(merge) => merge.next(),
        }
    }
}

pub struct Merge {
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    spill: Spill,
    last: Option<Vec<u8>>,
}

impl Merge {
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(Reverse((record, run))) = self.heap.pop() else { return Ok(None) };
        if let Some(following) = self.runs[run].next(&mut self.spill)? {
            self.heap.push(Reverse((following, run)));
        }
        Ok(Some(self.last.insert(record)))
    }
}

/// One sorted run being read back.
struct Run {
    /// The number of the next block, and of the first that is not ours.
    next: u64,
    end: u64,
    block: Vec<u8>,
    at: usize,
}

impl Run {
    fn next(&mut self, spill: &mut Spill) -> io::Result<Option<Vec<u8>>> {
        if self.at == self.block.len() {
            if self.next == self.end {
                return Ok(None);
            }
            self.block = spill.read_block(self.next)?;
            self.next += 1;
            self.at = 0;
        }
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "a sorted run is damaged");
        let length = self.block.get(self.at..self.at + 4).ok_or_else(broken)?;
        let length = u32::from_le_bytes(length.try_into().map_err(|_| broken())?) as usize;
        let start = self.at + 4;
        let record = self.block.get(start..start + length).ok_or_else(broken)?.to_vec();
        self.at = start + length;
        Ok(Some(record))
    }
}

/// The file with the runs: sealed blocks of one size each, numbered by position.
struct Spill {
    file: File,
    cipher: Aes256Gcm,
    blocks: u64,
    runs: Vec<(u64, u64)>,
}

impl Spill {
    fn create(scratch: &Path) -> io::Result<Self> {
        let mut key = [0; 32];
        #[allow(clippy::disallowed_methods, reason = "keys come from the operating system")]
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        let cipher = Aes256Gcm::new(&key.into());
        Ok(Self { file: tempfile::tempfile_in(scratch)?, cipher, blocks: 0, runs: Vec::new() })
    }

    fn write_run<'r>(&mut self, records: impl Iterator<Item = &'r [u8]>) -> io::Result<()> {
        if self.runs.len() == MOST_RUNS {
            return Err(io::Error::other("the export is too large to sort."));
        }
        let first = self.blocks;
        let mut block = Vec::with_capacity(BLOCK);
        for record in records {
            if block.len() + 4 + record.len() > BLOCK {
                self.write_block(&block)?;
                block.clear();
            }
            block.extend_from_slice(&(record.len() as u32).to_le_bytes());
            block.extend_from_slice(record);
        }
        self.write_block(&block)?;
        self.runs.push((first, self.blocks));
        Ok(())
    }

    fn write_block(&mut self, plain: &[u8]) -> io::Result<()> {
        let mut padded = Vec::with_capacity(4 + BLOCK);
        padded.extend_from_slice(&(plain.len() as u32).to_le_bytes());
        padded.extend_from_slice(plain);
        padded.resize(4 + BLOCK, 0);
        let sealed = self
            .cipher
            .encrypt(&nonce(self.blocks), padded.as_slice())
            .map_err(|_| io::Error::other("a sorted run cannot be sealed"))?;
        self.file.seek(SeekFrom::Start(self.blocks * SEALED))?;
        self.file.write_all(&sealed)?;
        self.blocks += 1;
        Ok(())
    }

    fn read_block(&mut self, number: u64) -> io::Result<Vec<u8>> {
        let mut sealed = vec![0; SEALED as usize];
        self.file.seek(SeekFrom::Start(number * SEALED))?;
        self.file.read_exact(&mut sealed)?;
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "a sorted run is damaged");
        let mut plain =
            self.cipher.decrypt(&nonce(number), sealed.as_slice()).map_err(|_| broken())?;
        let length = u32::from_le_bytes(plain[..4].try_into().map_err(|_| broken())?) as usize;
        plain.truncate(4 + length);
        plain.drain(..4);
        Ok(plain)
    }
}

const SEALED: u64 = (4 + BLOCK + TAG) as u64;

/// A block's number: used once, under a key used for one file.
fn nonce(block: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&block.to_be_bytes());
    nonce.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(limit: usize, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::with_buffer(folder.path(), limit);
        for record in records {
            sorter.push(record).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        let mut out = Vec::new();
        while let Some(record) = sorted.next().unwrap() {
            out.push(record.to_vec());
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "a file was left behind");
        out
    }

    #[test]
    fn a_sort_on_disk_gives_what_a_sort_in_memory_gives() {
        let records: Vec<Vec<u8>> = (0u32..20_000)
            .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes().repeat(1 + i as usize % 9))
            .collect();
        let mut expected = records.clone();
        expected.sort();
        assert_eq!(sorted(BUFFER, &records), expected);
        assert_eq!(sorted(50_000, &records), expected);
        assert_eq!(sorted(BUFFER, &[]), Vec::<Vec<u8>>::new());
    }
}
