//! What the directory of an exported zip says that it has: the check of plausibility behind `Content`.
//!
//! It reads the directory, and the log where an entry may be one. It never reads a message: at most 64 KiB
//! beside the directory.

use std::ops::Range;

use super::{
    directory::{Damage, Directory},
    entry::Entry,
    log::{LONGEST_LOG, Log},
    pass::{Broken, Pass, Sink},
};

/// The bytes that a local header and the longest extra fields of a writer have, beside the name.
const HEADER: u64 = 30 + 256;

/// What a zip has, by its directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contents {
    /// How many entries it has, without folders and the log.
    pub entries: u64,
    /// How many bytes they have, uncompressed.
    pub uncompressed_bytes: u64,
    /// The log, if it is an entry.
    pub log: Option<Log>,
}

/// Reads what a zip has, by ranges: ask [`wanted`](Self::wanted), read the range of the object, give it to
/// [`supply`](Self::supply), until nothing is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inspection {
    directory: Directory,
    contents: Contents,
    /// An entry that may be the log.
    log: Option<Entry>,
    size: u64,
}

impl Inspection {
    /// The inspection of an object of this many bytes.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self {
            directory: Directory::new(size),
            contents: Contents::default(),
            log: None,
            size,
        }
    }

    /// Returns the range of the object to read next; `None` once everything needed was read.
    #[must_use]
    pub fn wanted(&self) -> Option<Range<u64>> {
        self.directory.wanted().or_else(|| {
            let log = self.log.as_ref()?;
            let bytes = HEADER + log.name.len() as u64 + log.compressed;
            Some(log.offset..self.size.min(log.offset.saturating_add(bytes)))
        })
    }

    /// Takes the bytes of the wanted range.
    ///
    /// # Errors
    /// The zip is damaged. What it has before the damage is counted.
    pub fn supply(&mut self, bytes: &[u8]) -> Result<(), Damage> {
        if self.directory.wanted().is_some() {
            let mut entries = Vec::new();
            let supplied = self.directory.supply(bytes, &mut entries);
            for entry in entries {
                self.count(entry);
            }
            supplied?;
        } else if let Some(log) = self.log.take() {
            // An entry that cannot be read, or is no log, is an entry as the others.
            match read_log(&log, bytes) {
                Some(log) => self.contents.log = Some(log),
                None => self.add(&log),
            }
        }
        Ok(())
    }

    /// Whether the log was an entry of the zip.
    #[must_use]
    pub const fn has_log(&self) -> bool {
        self.contents.log.is_some()
    }

    /// Returns what the zip has, once nothing is wanted.
    #[must_use]
    pub fn finish(self) -> Contents {
        self.contents
    }

    fn count(&mut self, entry: Entry) {
        if entry.is_folder() {
            return;
        }
        let is_log = |entry: &Entry| {
            Log::may_be_called(&entry.name, entry.uncompressed)
                && entry.compressed <= LONGEST_LOG as u64
                && entry.offset < self.size
        };
        if !is_log(&entry) {
            return self.add(&entry);
        }
        let called = |entry: &Entry| entry.file_name().to_ascii_lowercase().contains("log");
        // One entry is read: the first that is called a log, else the last that may be one.
        match self.log.take() {
            Some(known) if called(&known) => {
                self.log = Some(known);
                self.add(&entry);
            }
            Some(known) => {
                self.add(&known);
                self.log = Some(entry);
            }
            None => self.log = Some(entry),
        }
    }

    fn add(&mut self, entry: &Entry) {
        let Contents {
            entries,
            uncompressed_bytes,
            log: _,
        } = &mut self.contents;
        *entries += 1;
        *uncompressed_bytes = uncompressed_bytes.saturating_add(entry.uncompressed);
    }
}

/// Reads the log from the bytes of its entry.
fn read_log(entry: &Entry, bytes: &[u8]) -> Option<Log> {
    #[derive(Default)]
    struct Content(Vec<u8>, bool);
    impl Sink for Content {
        fn begin(&mut self, _: &Entry) {}
        fn content(&mut self, _: &Entry, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
        fn end(&mut self, _: &Entry, result: Result<(), Broken>) {
            self.1 = result.is_ok();
        }
    }
    let mut content = Content::default();
    let mut pass = Pass::from(entry.offset);
    pass.expect([entry.clone()]);
    pass.feed(bytes, &mut content);
    content.1.then(|| Log::parse(&content.0))?
}
