//! A folder, a zip or a file, opened by the names of what is in it.
//!
//! A zip is never unpacked: the entries wanted are read as streams. What an entry claims about its
//! size is checked before reading and held to while reading, so an archive that swells (a zip bomb)
//! costs nothing but its refusal.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use zip::{ZipArchive, result::ZipError};

use super::SourceError;

/// An export has a few dozen files.
pub const MOST_ZIP_ENTRIES: usize = 2_000;
/// Of one file, unpacked. Fifty million rows of an export fit.
pub const LARGEST_FILE: u64 = 32 << 30;
/// CSV packs by a factor of five to twenty-five.
const LARGEST_RATIO: u64 = 150;
/// Below this much output no ratio is suspicious.
const RATIO_FREE: u64 = 1 << 20;
/// The directory of a zip with the most entries allowed is smaller.
const LARGEST_ZIP_DIRECTORY: u32 = 4 << 20;
/// Where Synthea puts its CSV files, below what it is told to write to.
const FOLDERS: [&str; 3] = ["", "csv", "output/csv"];

/// What somebody wants to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Folder(PathBuf),
    Zip(PathBuf),
    File(PathBuf),
}

type Stream<'a> = &'a mut dyn Read;

impl Input {
    /// A zip is known by its first bytes, not by its name.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let metadata = path.metadata().map_err(|_| SourceError::NotFound)?;
        if metadata.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if !metadata.is_file() {
            return Err(SourceError::NotFound);
        }
        let mut start = [0; 4];
        let mut file = open(path)?;
        let is_zip = match file.read_exact(&mut start) {
            Ok(()) => matches!(start, [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6]),
            Err(_) => false,
        };
        Ok(if is_zip { Self::Zip(path.to_owned()) } else { Self::File(path.to_owned()) })
    }

    /// Whether there is a file of that name, in any capitals.
    pub fn has(&self, name: &str) -> Result<bool, SourceError> {
        match self {
            Self::Folder(folder) => Ok(in_folder(folder, name)?.is_some()),
            Self::Zip(path) => {
                Ok(in_zip(&mut archive(path)?, |n| n.eq_ignore_ascii_case(name))?.is_some())
            }
            Self::File(_) => Ok(false),
        }
    }

    /// Bytes of the file of that name, unpacked.
    pub fn size(&self, name: &'static str) -> Result<u64, SourceError> {
        self.with(name, |_, size| Ok(size))
    }

    /// Reads the file of that name.
    pub fn with<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Stream<'_>, u64) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let missing = SourceError::MissingFile { file: name };
        match self {
            Self::Folder(folder) => read_file(&in_folder(folder, name)?.ok_or(missing)?, read),
            Self::Zip(path) => {
                let mut archive = archive(path)?;
                let found = in_zip(&mut archive, |n| n.eq_ignore_ascii_case(name))?;
                read_entry(&mut archive, found.ok_or(missing)?, name, read)
            }
            Self::File(_) => Err(missing),
        }
    }

    /// Reads the file, or the only CSV file of the zip or folder.
    pub fn with_only<T>(
        &self,
        read: impl FnOnce(&str, Stream<'_>, u64) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        match self {
            Self::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                read_file(path, |stream, size| read(&name, stream, size))
            }
            Self::Folder(folder) => {
                let mut files = list(folder)?.into_iter().filter(|path| is_csv(&file_name(path)));
                let (Some(path), None) = (files.next(), files.next()) else {
                    return Err(SourceError::NotOneFile);
                };
                read_file(&path, |stream, size| read(&file_name(&path), stream, size))
            }
            Self::Zip(path) => {
                let mut archive = archive(path)?;
                let found = in_zip(&mut archive, is_csv).map_err(|_| SourceError::NotOneFile)?;
                let (index, name) = found.ok_or(SourceError::NotOneFile)?;
                read_entry(&mut archive, (index, name.clone()), &name, |stream, size| {
                    read(&name, stream, size)
                })
            }
        }
    }
}

fn is_csv(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".csv")
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn open(path: &Path) -> Result<File, SourceError> {
    File::open(path).map_err(|cause| SourceError::Unreadable { file: file_name(path), cause })
}

fn read_file<T>(
    path: &Path,
    read: impl FnOnce(Stream<'_>, u64) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let mut file = open(path)?;
    let size = file
        .metadata()
        .map_err(|cause| SourceError::Unreadable { file: file_name(path), cause })?
        .len();
    if size > LARGEST_FILE {
        return Err(SourceError::FileTooLarge { file: file_name(path) });
    }
    read(&mut file, size)
}

/// The files of a folder, by name, so that two machines see the same order.
fn list(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let unreadable = |cause| SourceError::Unreadable { file: file_name(folder), cause };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn in_folder(folder: &Path, name: &str) -> Result<Option<PathBuf>, SourceError> {
    for below in FOLDERS {
        let folder = folder.join(below);
        if !folder.is_dir() {
            continue;
        }
        let mut found =
            list(&folder)?.into_iter().filter(|path| file_name(path).eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (None, _) => {}
            (Some(path), None) => return Ok(Some(path)),
            (Some(path), Some(_)) => {
                return Err(SourceError::FileTwice { file: file_name(&path) });
            }
        }
    }
    Ok(None)
}

type Archive = ZipArchive<BufReader<File>>;

fn archive(path: &Path) -> Result<Archive, SourceError> {
    let mut file = open(path)?;
    check_directory(&mut file)?;
    let archive = ZipArchive::new(BufReader::new(file)).map_err(zip_error)?;
    if archive.len() > MOST_ZIP_ENTRIES {
        return Err(SourceError::ZipTooManyFiles);
    }
    Ok(archive)
}

/// The archive's own index is read into memory as a whole, so its size is looked at first.
fn check_directory(file: &mut File) -> Result<(), SourceError> {
    const RECORD: usize = 22;
    const LONGEST_COMMENT: u64 = 65_535;
    let unreadable = |_| SourceError::ZipUnreadable;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > LARGEST_FILE {
        return Err(SourceError::FileTooLarge { file: "The zip".to_owned() });
    }
    let tail = size.min(RECORD as u64 + LONGEST_COMMENT);
    file.seek(SeekFrom::Start(size - tail)).map_err(unreadable)?;
    let mut bytes = Vec::with_capacity(tail as usize);
    file.by_ref().take(tail).read_to_end(&mut bytes).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let mut records = 0;
    for record in bytes.windows(RECORD).filter(|w| w.starts_with(b"PK\x05\x06")) {
        records += 1;
        let entries = usize::from(u16::from_le_bytes([record[10], record[11]]));
        let directory = u32::from_le_bytes([record[12], record[13], record[14], record[15]]);
        // The largest values mean "see the 64-bit record": no export has so many files.
        if entries > MOST_ZIP_ENTRIES || directory > LARGEST_ZIP_DIRECTORY {
            return Err(SourceError::ZipTooManyFiles);
        }
    }
    if records == 0 { Err(SourceError::ZipUnreadable) } else { Ok(()) }
}

fn zip_error(error: ZipError) -> SourceError {
    match error {
        ZipError::InvalidPassword => SourceError::ZipEncrypted,
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => SourceError::ZipEncrypted,
        _ => SourceError::ZipUnreadable,
    }
}

/// The entry whose file name, without folders, is wanted. What macOS adds is no file.
fn in_zip(
    archive: &mut Archive,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Option<(usize, String)>, SourceError> {
    let mut found: Option<(usize, String)> = None;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(zip_error)?;
        let path = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        if path.starts_with("__MACOSX/") || name.starts_with("._") || !is_wanted(name) {
            continue;
        }
        if let Some((_, earlier)) = found {
            return Err(SourceError::FileTwice { file: earlier });
        }
        found = Some((index, name.to_owned()));
    }
    Ok(found)
}

fn read_entry<T>(
    archive: &mut Archive,
    (index, _): (usize, String),
    file: &str,
    read: impl FnOnce(Stream<'_>, u64) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let entry = archive.by_index_raw(index).map_err(zip_error)?;
    let (size, packed, is_encrypted) = (entry.size(), entry.compressed_size(), entry.encrypted());
    drop(entry);
    if is_encrypted {
        return Err(SourceError::ZipEncrypted);
    }
    if size > LARGEST_FILE {
        return Err(SourceError::FileTooLarge { file: file.to_owned() });
    }
    if size > RATIO_FREE && size / packed.max(1) > LARGEST_RATIO {
        return Err(SourceError::ZipBomb { file: file.to_owned() });
    }
    let entry = archive.by_index(index).map_err(zip_error)?;
    let mut stream = NoMoreThan { inner: entry, left: size, overflowed: false };
    let result = read(&mut stream, size);
    if stream.overflowed {
        return Err(SourceError::ZipBomb { file: file.to_owned() });
    }
    result
}

/// Fails, rather than ends, when there is more than was declared.
struct NoMoreThan<R> {
    inner: R,
    left: u64,
    overflowed: bool,
}

impl<R: Read> Read for NoMoreThan<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => {
                self.overflowed = true;
                Err(io::Error::new(io::ErrorKind::InvalidData, "more than the zip declared"))
            }
        }
    }
}
