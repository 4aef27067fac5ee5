//! What the entries of a zip are, and how many of each a folder has.
//!
//! How WorkMail lays out the zip is not published: an entry is told by its content, not by its name.

use std::collections::BTreeMap;

use super::{
    entry::Entry,
    log::{LONGEST_LOG, Log},
    pass::{Broken, Sink},
    report::{Counts, Finding, FindingReason, FolderCount, MOST_FINDINGS},
    verdict::Verified,
};

/// How much of the start of an entry is kept to tell what it is.
const SNIFFED: usize = 512;

/// The most folders that are counted apart. The mail of others is counted with the folder `…`.
const MOST_FOLDERS: usize = 10_000;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message: it begins with a header field.
    Message,
    /// A calendar: it begins with `BEGIN:VCALENDAR`.
    Calendar,
    /// Something else.
    Other,
}

impl Kind {
    /// Tells what an entry is by its first bytes.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        let start = start
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(start)
            .trim_ascii_start();
        let calendar = b"BEGIN:VCALENDAR";
        if start
            .get(..calendar.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(calendar))
        {
            return Self::Calendar;
        }
        let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let name = start.iter().take_while(is_of_name).count();
        let is_field = name > 0 && start.get(name) == Some(&b':');
        if is_field || start.starts_with(b"From ") {
            Self::Message
        } else {
            Self::Other
        }
    }
}

/// Counts the entries of a pass.
#[derive(Debug, Default)]
pub struct Count {
    folders: BTreeMap<String, FolderCount>,
    uncompressed_bytes: u64,
    log: Option<Log>,
    findings: Vec<Finding>,
    findings_total: u64,
    is_wrong: bool,
    is_unread: bool,
    start: Vec<u8>,
}

impl Count {
    /// Adds a finding about the whole object.
    pub fn find(&mut self, reason: FindingReason, message: impl Into<String>) {
        self.push(Finding {
            reason,
            entry: None,
            message: message.into(),
        });
    }

    fn push(&mut self, finding: Finding) {
        self.findings_total += 1;
        match finding.reason.verified() {
            Verified::False => self.is_wrong = true,
            Verified::Unknown => self.is_unread = true,
            Verified::True => {}
        }
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Takes a log that was found beside the zip.
    pub fn take_log(&mut self, log: Log) {
        self.log.get_or_insert(log);
    }

    /// Compares the counts with the log, and with the number of entries that the manifest has.
    pub fn compare(&mut self, entries: Option<u64>) {
        let counts = self.counts();
        let items = counts.messages + counts.calendars + counts.others;
        for (source, expected) in [
            ("log", self.log.as_ref().and_then(|log| log.total_messages)),
            ("manifest", entries),
        ] {
            let Some(expected) = expected else { continue };
            if items < expected {
                let text = format!(
                    "Export the mailbox again: {items} items are whole, and the {source} says {expected}."
                );
                self.find(FindingReason::FewerItems, text);
            } else if counts.messages > expected {
                let text = format!(
                    "The zip has {} messages, and the {source} says {expected}.",
                    counts.messages
                );
                self.find(FindingReason::Differs, text);
            }
        }
        let bytes = self.log.as_ref().and_then(|log| log.total_bytes);
        if let Some(bytes) = bytes.filter(|bytes| *bytes != counts.uncompressed_bytes) {
            let text = format!(
                "The items have {} bytes, and the log says {bytes}.",
                counts.uncompressed_bytes
            );
            self.find(FindingReason::Differs, text);
        }
    }

    /// Returns the counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sum = |of: fn(&FolderCount) -> u64| self.folders.values().map(of).sum();
        Counts {
            messages: sum(|folder| folder.messages),
            calendars: sum(|folder| folder.calendars),
            others: sum(|folder| folder.others),
            uncompressed_bytes: self.uncompressed_bytes,
            folders: self.folders.values().cloned().collect(),
        }
    }

    /// Returns the log, if one was found.
    #[must_use]
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// Returns what all findings together make of the mailbox.
    #[must_use]
    pub fn verified(&self) -> Verified {
        match (self.is_wrong, self.is_unread) {
            (true, _) => Verified::False,
            (false, true) => Verified::Unknown,
            (false, false) => Verified::True,
        }
    }

    /// Returns the first findings, and how many there are in all.
    #[must_use]
    pub fn findings(self) -> (Vec<Finding>, u64) {
        (self.findings, self.findings_total)
    }

    fn whole(&mut self, entry: &Entry) {
        let kind = Kind::of(&self.start);
        if kind == Kind::Other
            && self.log.is_none()
            && self.start.len() as u64 == entry.uncompressed
        {
            self.log = Log::parse(&self.start);
            if self.log.is_some() {
                return;
            }
        }
        self.uncompressed_bytes = self.uncompressed_bytes.saturating_add(entry.uncompressed);
        let is_known =
            self.folders.len() < MOST_FOLDERS || self.folders.contains_key(entry.folder());
        let folder = if is_known { entry.folder() } else { "…" };
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
    }
}

impl Sink for Count {
    fn begin(&mut self, _: &Entry) {
        self.start.clear();
    }

    fn content(&mut self, entry: &Entry, bytes: &[u8]) {
        let may_be_log = self.log.is_none() && entry.uncompressed <= LONGEST_LOG as u64;
        let most = if may_be_log { LONGEST_LOG } else { SNIFFED };
        let room = most.saturating_sub(self.start.len()).min(bytes.len());
        self.start
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    fn end(&mut self, entry: &Entry, result: Result<(), Broken>) {
        match result {
            Ok(()) if entry.is_folder() => {}
            Ok(()) => self.whole(entry),
            Err(broken) => self.push(Finding {
                reason: FindingReason::BrokenEntry,
                entry: Some(entry.name.clone()),
                message: format!("The entry is damaged: {broken}."),
            }),
        }
    }
}
