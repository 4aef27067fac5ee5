//! The files that are written. They can be read by their owner alone, as the mail in them.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The most mbox files that are open at once.
const MOST_OPEN: usize = 64;

/// A file of one entry. It is removed if the entry turns out to be broken.
#[derive(Debug)]
pub(super) struct Single {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Single {
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        make_parent(&path)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    pub(super) fn keep(mut self) -> io::Result<()> {
        self.file.flush()
    }

    pub(super) fn discard(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

/// Files that grow: the mbox files.
#[derive(Debug, Default)]
pub(super) struct Growing(BTreeMap<PathBuf, Grown>);

#[derive(Debug)]
struct Grown {
    file: BufWriter<File>,
    length: u64,
}

impl Growing {
    /// Returns how long a file is now.
    pub(super) fn length(&mut self, path: &Path) -> io::Result<u64> {
        Ok(self.open(path)?.length)
    }

    pub(super) fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let grown = self.open(path)?;
        grown.file.write_all(bytes)?;
        grown.length += bytes.len() as u64;
        Ok(())
    }

    /// Takes away what was appended since the file had this length.
    pub(super) fn shorten(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let grown = self.open(path)?;
        grown.file.flush()?;
        grown.file.get_ref().set_len(length)?;
        grown.length = length;
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0
            .into_values()
            .try_for_each(|mut grown| grown.file.flush())
    }

    fn open(&mut self, path: &Path) -> io::Result<&mut Grown> {
        if !self.0.contains_key(path) {
            if self.0.len() >= MOST_OPEN
                && let Some((_, mut grown)) = self.0.pop_first()
            {
                grown.file.flush()?;
            }
            make_parent(path)?;
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)?;
            let length = file.metadata()?.len();
            let grown = Grown {
                file: BufWriter::new(file),
                length,
            };
            self.0.insert(path.to_owned(), grown);
        }
        self.0
            .get_mut(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_folder)
}
