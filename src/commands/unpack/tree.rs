//! Entries as they are unpacked.
//!
//! An entry is told by its first bytes: a message goes into its folder's mbox or Maildir, or a file; a calendar
//! and anything else into a file. An entry that turns out to be broken leaves nothing behind.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use k8s_openapi::jiff::Timestamp;

use super::{
    BrokenEntry, Format, Unpacked,
    files::{Growing, Single, make_folder},
};
use crate::{
    commands::{Failed, scan::Stop},
    proof::{Broken, Entry, FolderCount, Kind, Paths, Quoting, Sink},
};

/// How many first bytes tell what an entry is.
const SNIFFED: usize = 512;

/// The most broken entries that are listed.
const MOST_BROKEN: usize = 50;

/// What a Maildir has, so that no folder may be called so.
const MAILDIR: [&str; 3] = ["cur", "new", "tmp"];

/// A target folder.
#[derive(Debug)]
pub(super) struct Tree {
    target: PathBuf,
    format: Format,
    paths: Paths,
    mboxes: Growing,
    begun: Begun,
    number: u64,
    folders: BTreeMap<String, FolderCount>,
    broken: Vec<BrokenEntry>,
    broken_total: u64,
    failed: Option<io::Error>,
}

/// The entry that is being written.
#[derive(Debug)]
enum Begun {
    /// Nothing yet: these are its first bytes.
    Start(Vec<u8>),
    Mbox {
        path: PathBuf,
        length: u64,
        quoting: Quoting,
        buffer: Vec<u8>,
    },
    Single(Kind, Single),
}

impl Stop for Tree {
    fn is_stopped(&self) -> bool {
        self.failed.is_some()
    }
}

impl Tree {
    pub(super) fn new(target: PathBuf, format: Format) -> Self {
        Self {
            target,
            format,
            paths: Paths::without(&MAILDIR),
            mboxes: Growing::default(),
            begun: Begun::Start(Vec::new()),
            number: 0,
            folders: BTreeMap::new(),
            broken: Vec::new(),
            broken_total: 0,
            failed: None,
        }
    }

    pub(super) fn finish(self, damage: Option<String>) -> Result<Unpacked, Failed> {
        let written = self
            .failed
            .map_or(Ok(()), Err)
            .and_then(|()| self.mboxes.finish());
        written.map_err(|error| {
            Failed::Told(format!(
                "Make room, or name another folder by --to: {} cannot be written ({error}).",
                self.target.display()
            ))
        })?;
        let folders: Vec<_> = self.folders.into_values().collect();
        let sum = |of: fn(&FolderCount) -> u64| folders.iter().map(of).sum();
        Ok(Unpacked {
            target: self.target,
            messages: sum(|folder| folder.messages),
            calendars: sum(|folder| folder.calendars),
            others: sum(|folder| folder.others),
            folders,
            broken: self.broken,
            broken_total: self.broken_total,
            damage,
        })
    }

    /// Keeps an error. Nothing more is written after the first one.
    fn note(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error);
        }
    }

    fn write(&mut self, entry: &Entry, bytes: &[u8]) -> io::Result<()> {
        match &mut self.begun {
            Begun::Start(start) => {
                start.extend_from_slice(bytes);
                if start.len() < SNIFFED {
                    return Ok(());
                }
                let start = std::mem::take(start);
                self.open(entry, &start)?;
                self.write_opened(&start)
            }
            Begun::Mbox { .. } | Begun::Single(..) => self.write_opened(bytes),
        }
    }

    fn write_opened(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.begun {
            Begun::Start(_) => Ok(()),
            Begun::Mbox {
                path,
                quoting,
                buffer,
                ..
            } => {
                buffer.clear();
                quoting.add(bytes, buffer);
                self.mboxes.append(path, buffer)
            }
            Begun::Single(_, file) => file.write(bytes),
        }
    }

    /// Opens what the entry goes into, by its first bytes.
    fn open(&mut self, entry: &Entry, start: &[u8]) -> io::Result<()> {
        self.number += 1;
        let kind = Kind::of(start.get(..SNIFFED).unwrap_or(start));
        self.begun = match (kind, self.format) {
            (Kind::Message, Format::Mbox) => {
                let path = self
                    .target
                    .join(self.paths.of_folder(entry.folder(), ".mbox"));
                let length = self.mboxes.length(&path)?;
                self.mboxes
                    .append(&path, separator(entry.modified).as_bytes())?;
                Begun::Mbox {
                    path,
                    length,
                    quoting: Quoting::default(),
                    buffer: Vec::new(),
                }
            }
            (Kind::Message, Format::Maildir) => {
                let folder = self.target.join(self.paths.of_folder(entry.folder(), ""));
                Begun::Single(kind, Single::create(self.in_maildir(&folder, entry)?)?)
            }
            (Kind::Message, Format::Eml) => self.single(kind, entry, ".eml")?,
            (Kind::Calendar, _) => self.single(kind, entry, ".ics")?,
            (Kind::Other, _) => self.single(kind, entry, "")?,
        };
        Ok(())
    }

    fn single(&mut self, kind: Kind, entry: &Entry, suffix: &str) -> io::Result<Begun> {
        let path = self.target.join(self.paths.file(&entry.name, suffix));
        Ok(Begun::Single(kind, Single::create(path)?))
    }

    /// Returns the path of a new message that was seen before.
    fn in_maildir(&self, folder: &Path, entry: &Entry) -> io::Result<PathBuf> {
        for name in MAILDIR {
            make_folder(&folder.join(name))?;
        }
        let seconds = entry.modified.unwrap_or(Timestamp::UNIX_EPOCH).as_second();
        Ok(folder.join(format!("cur/{seconds}.{}.workmail:2,S", self.number)))
    }

    fn close(&mut self, entry: &Entry) -> io::Result<()> {
        if let Begun::Start(start) = &mut self.begun {
            let start = std::mem::take(start);
            self.open(entry, &start)?;
            self.write_opened(&start)?;
        }
        let kind = match std::mem::replace(&mut self.begun, Begun::Start(Vec::new())) {
            Begun::Start(_) => return Ok(()),
            Begun::Mbox {
                path,
                quoting,
                mut buffer,
                ..
            } => {
                buffer.clear();
                quoting.end(&mut buffer);
                self.mboxes.append(&path, &buffer)?;
                Kind::Message
            }
            Begun::Single(kind, file) => {
                file.keep()?;
                kind
            }
        };
        let folder = entry.folder();
        let counted = self
            .folders
            .entry(folder.to_owned())
            .or_insert_with(|| FolderCount {
                folder: folder.to_owned(),
                messages: 0,
                calendars: 0,
                others: 0,
            });
        match kind {
            Kind::Message => counted.messages += 1,
            Kind::Calendar => counted.calendars += 1,
            Kind::Other => counted.others += 1,
        }
        Ok(())
    }

    fn discard(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.begun, Begun::Start(Vec::new())) {
            Begun::Start(_) => Ok(()),
            Begun::Mbox { path, length, .. } => self.mboxes.shorten(&path, length),
            Begun::Single(_, file) => file.discard(),
        }
    }
}

impl Sink for Tree {
    fn begin(&mut self, _: &Entry) {
        self.begun = Begun::Start(Vec::new());
    }

    fn content(&mut self, entry: &Entry, bytes: &[u8]) {
        if self.failed.is_none() {
            let written = self.write(entry, bytes);
            self.note(written);
        }
    }

    fn end(&mut self, entry: &Entry, result: Result<(), Broken>) {
        if self.failed.is_some() {
            return;
        }
        let done = match result {
            Ok(()) if entry.is_folder() => Ok(()),
            Ok(()) => self.close(entry),
            Err(broken) => {
                self.broken_total += 1;
                if self.broken.len() < MOST_BROKEN {
                    self.broken.push(BrokenEntry {
                        entry: entry.name.clone(),
                        message: broken.to_string(),
                    });
                }
                self.discard()
            }
        };
        self.note(done);
    }
}

/// Returns the line before a message in an mbox file.
fn separator(time: Option<Timestamp>) -> String {
    let time = time.unwrap_or(Timestamp::UNIX_EPOCH);
    format!(
        "From MAILER-DAEMON {}\n",
        time.strftime("%a %b %e %H:%M:%S %Y")
    )
}
