//! The directory of an exported zip, from ranged reads.
//!
//! [`Directory`] asks for ranges and is given their bytes. It knows no client, waits for nothing and keeps one
//! range at a time, so that memory does not grow with the number of messages. rawzip parses the records.

use std::{cmp::Ordering, io, ops::Range};

use rawzip::{ErrorKind, ReaderAt, ZipArchive, ZipLocator};
use thiserror::Error;

use super::entry::Entry;

/// How much of the end of a zip is read first. The end record has 22 bytes, and a zip of more than 4 GiB or
/// 65,535 entries has 76 more.
const TAIL: u64 = 16 * 1024;

/// The most that the end records and the comment between them and the end of the zip can have.
const LONGEST_TAIL: u64 = 76 + 22 + 65_535;

/// How much of the directory is read at once. It is more than the longest record has, so that each range has
/// one whole record at least.
const RANGE: u64 = 256 * 1024;

/// The signature of the record that ends a directory, and of the longer one that may stand before it.
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;

/// The bytes of a record without name, extra fields and comment.
const RECORD: u64 = 46;

/// Why the directory of a zip cannot be read. The zip is damaged or is none.
#[derive(Clone, Debug, Error, PartialEq, Eq, Hash)]
pub enum Damage {
    /// It has no end record.
    #[error("the object has no zip directory: its end is missing, or it is no zip")]
    NoEnd,
    /// A record cannot be read.
    #[error("the zip directory is damaged after {0} entries")]
    Record(u64),
    /// There are more or fewer records than the end record says.
    #[error("the zip directory has {found} entries, and its end says {declared}")]
    Count {
        /// How many there are.
        found: u64,
        /// How many there should be.
        declared: u64,
    },
    /// The bytes that were supplied are not those of the wanted range.
    #[error("a read of the object returned {0} bytes more or fewer than asked for")]
    ShortRead(u64),
}

/// A directory that is being read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    size: u64,
    state: State,
    found: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The end record is looked for in this range.
    Tail(Range<u64>),
    Records {
        position: u64,
        end: u64,
        declared: u64,
    },
    Done,
}

impl Directory {
    /// The directory of a zip of this many bytes.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self {
            size,
            state: State::Tail(size.saturating_sub(TAIL)..size),
            found: 0,
        }
    }

    /// Returns the range to read next, and `None` once the directory has been read.
    #[must_use]
    pub fn wanted(&self) -> Option<Range<u64>> {
        match &self.state {
            State::Tail(range) => Some(range.clone()),
            State::Records { position, end, .. } => {
                Some(*position..(*end).min(position.saturating_add(RANGE)))
            }
            State::Done => None,
        }
    }

    /// Takes the bytes of the wanted range, and adds the entries that they have to `entries`: those before the
    /// damage too, if there is any.
    ///
    /// # Errors
    /// The zip is damaged. Nothing more is wanted then.
    pub fn supply(&mut self, bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), Damage> {
        let supplied = self.take(bytes, entries);
        if supplied.is_err() {
            self.state = State::Done;
        }
        supplied
    }

    fn take(&mut self, bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), Damage> {
        let Some(range) = self.wanted() else {
            return Ok(());
        };
        let (asked, given) = (range.end - range.start, bytes.len() as u64);
        if asked != given {
            return Err(Damage::ShortRead(asked.abs_diff(given)));
        }
        if !matches!(self.state, State::Tail(_)) {
            return self.records(bytes, entries);
        }
        let Some(state) = self.locate(range.start, bytes)? else {
            return Ok(());
        };
        self.state = state;
        // A small directory lies in the tail already.
        let Some(wanted) = self.wanted() else {
            return Ok(());
        };
        let within = wanted
            .start
            .checked_sub(range.start)
            .zip(wanted.end.checked_sub(range.start));
        let within = within.and_then(|(from, to)| {
            bytes.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
        });
        within.map_or(Ok(()), |records| self.records(records, entries))
    }

    /// Finds the end record in the tail; `None` if a longer tail has to be read.
    fn locate(&mut self, start: u64, bytes: &[u8]) -> Result<Option<State>, Damage> {
        let tail = Tail { start, bytes };
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let locator = ZipLocator::new().max_search_space(bytes.len() as u64);
        let Ok(zip) = locator.locate_in_reader(tail, &mut buffer, self.size) else {
            let longest = self.size.saturating_sub(LONGEST_TAIL);
            if start <= longest {
                return Err(Damage::NoEnd);
            }
            self.state = State::Tail(longest..self.size);
            return Ok(None);
        };
        let (position, end) = (zip.directory_offset(), zip.eocd_offset());
        let declared = zip.entries_hint();
        match position.cmp(&end) {
            Ordering::Less => Ok(Some(State::Records {
                position,
                end,
                declared,
            })),
            Ordering::Equal if declared == 0 => Ok(Some(State::Done)),
            Ordering::Equal => Err(Damage::Count { found: 0, declared }),
            Ordering::Greater => Err(Damage::NoEnd),
        }
    }

    fn records(&mut self, bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), Damage> {
        let State::Records {
            position,
            end,
            declared,
        } = &mut self.state
        else {
            return Ok(());
        };
        let before = entries.len();
        let (consumed, next) = parse(bytes, entries);
        self.found += (entries.len() - before) as u64;
        *position += consumed;
        let is_damaged = next == Next::Damage || (next == Next::Range && consumed == 0);
        if is_damaged {
            return Err(Damage::Record(self.found));
        }
        if next == Next::End || *position >= *end {
            let (found, declared) = (self.found, *declared);
            // The short end record counts to 65,535 and begins again.
            let agrees = found == declared || (declared <= 0xffff && found & 0xffff == declared);
            if !agrees {
                return Err(Damage::Count { found, declared });
            }
            self.state = State::Done;
        }
        Ok(())
    }
}

/// What follows the whole records of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A record that goes on in the next range, or nothing.
    Range,
    /// The end of the directory.
    End,
    /// Something that is no record.
    Damage,
}

/// Adds the whole records at the start of `bytes` to `entries`. Returns how many bytes they have, and what
/// follows them.
///
/// rawzip parses the directory of a whole zip. A range of the records with an end record behind it is one.
fn parse(bytes: &[u8], entries: &mut Vec<Entry>) -> (u64, Next) {
    let Ok(length) = u32::try_from(bytes.len()) else {
        return (0, Next::Damage);
    };
    let mut zip = Vec::with_capacity(bytes.len() + 22);
    zip.extend_from_slice(bytes);
    zip.extend_from_slice(&END.to_le_bytes());
    zip.extend_from_slice(&[0; 8]);
    zip.extend_from_slice(&length.to_le_bytes());
    zip.extend_from_slice(&[0; 6]);
    let Ok(zip) = ZipArchive::from_slice(&zip) else {
        return (0, Next::Damage);
    };
    let mut records = zip.entries();
    let mut consumed = 0;
    loop {
        match records.next_entry() {
            Ok(Some(record)) => {
                let variable = record.file_path().as_bytes().len()
                    + record.extra_fields().remaining_bytes().len()
                    + record.comment().as_bytes().len();
                consumed += RECORD + variable as u64;
                entries.push(Entry::of(&record));
            }
            Ok(None) => return (consumed, Next::Range),
            Err(error) => {
                let kind = error.kind();
                let is_end = matches!(kind, ErrorKind::InvalidSignature { actual, .. } if [END, END_64].contains(actual));
                let goes_on = matches!(kind, ErrorKind::Eof);
                let next = match (is_end, goes_on) {
                    (true, _) => Next::End,
                    (false, true) => Next::Range,
                    (false, false) => Next::Damage,
                };
                return (consumed, next);
            }
        }
    }
}

/// The end of a zip, of which no more was read.
struct Tail<'a> {
    start: u64,
    bytes: &'a [u8],
}

impl ReaderAt for Tail<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let within = offset
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok());
        let Some(rest) = within.and_then(|from| self.bytes.get(from..)) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut rest = rest;
        io::Read::read(&mut rest, buffer)
    }
}
