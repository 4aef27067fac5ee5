//! One pass over the bytes of an exported zip, from its start to its end.
//!
//! [`Pass`] is given the entries of the directory in advance and the bytes in order. It inflates each entry,
//! checks it against its CRC and size, and hands its content on in pieces. It keeps no entry's content.
//!
//! What it must not do: read an entry's bytes for another one (entries that overlap are refused), hand on more
//! than the directory says that an entry has, or stop at an entry that is damaged: the rest goes on.

use std::collections::VecDeque;

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

use super::entry::{Entry, Method};

const LOCAL_HEADER: usize = 30;
const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const OUTPUT: usize = 64 * 1024;

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Broken {
    /// Its content has another CRC-32 than the directory says.
    #[error("its CRC-32 is wrong")]
    Crc,
    /// Its content is shorter or longer than the directory says.
    #[error("its size is wrong")]
    Size,
    /// It cannot be decompressed.
    #[error("its compressed data is damaged")]
    Data,
    /// There is no entry where the directory says.
    #[error("it is not where the directory says")]
    NoHeader,
    /// It begins within another entry, or the directory is not in the order of the data.
    #[error("it overlaps another entry, or the directory is not in the order of the data")]
    Overlap,
    /// The zip ends within it.
    #[error("the object ends before it does")]
    Truncated,
    /// It is encrypted by the zip.
    #[error("it is encrypted")]
    Encrypted,
    /// Its compression method is not supported.
    #[error("its compression method {0} is not supported")]
    Method(u16),
}

/// What takes the entries of a pass.
pub trait Sink {
    /// An entry begins.
    fn begin(&mut self, entry: &Entry);
    /// A piece of its content.
    fn content(&mut self, entry: &Entry, bytes: &[u8]);
    /// The entry has ended: whole and right, or broken.
    fn end(&mut self, entry: &Entry, result: Result<(), Broken>);
}

/// A pass over a zip.
#[derive(Debug)]
pub struct Pass {
    position: u64,
    entries: VecDeque<Entry>,
    state: State,
    inflate: Decompress,
    output: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// Before an entry, or after the last one.
    Between,
    Header(Vec<u8>),
    /// This many bytes of name and extra fields are left.
    Names(u64),
    Body(Body),
}

#[derive(Debug, Default)]
struct Body {
    left: u64,
    made: u64,
    crc: Hasher,
    ended: bool,
    broken: Option<Broken>,
}

impl Pass {
    /// A pass over the bytes from this offset of the zip on.
    #[must_use]
    pub fn from(position: u64) -> Self {
        Self {
            position,
            entries: VecDeque::new(),
            state: State::Between,
            inflate: Decompress::new(false),
            output: vec![0; OUTPUT],
        }
    }

    /// Adds the next entries of the directory. Those that begin within the next bytes have to be there before
    /// these bytes are fed.
    pub fn expect(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.extend(entries);
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl Sink) {
        loop {
            let used = self.step(bytes, sink);
            let (done, rest) = bytes
                .split_at_checked(used.unwrap_or_default())
                .unwrap_or_default();
            self.position += done.len() as u64;
            bytes = rest;
            // A step that uses nothing has changed the state.
            if used.is_none() {
                return;
            }
        }
    }

    /// Ends the pass: entries that have not ended are broken.
    pub fn finish(mut self, sink: &mut impl Sink) {
        let begun = matches!(self.state, State::Body(_));
        for (index, entry) in self.entries.drain(..).enumerate() {
            if index > 0 || !begun {
                sink.begin(&entry);
            }
            sink.end(&entry, Err(Broken::Truncated));
        }
    }

    /// Takes one step, and returns how many bytes it used; `None` if it needs more bytes.
    fn step(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Option<usize> {
        let least = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let used = match &mut self.state {
            State::Between => match self.entries.front() {
                Some(entry) if entry.offset < self.position => {
                    self.refuse(Broken::Overlap, sink);
                    return Some(0);
                }
                Some(entry) if entry.offset == self.position => {
                    self.state = State::Header(Vec::with_capacity(LOCAL_HEADER));
                    return Some(0);
                }
                Some(entry) => least(entry.offset - self.position),
                None => bytes.len(),
            },
            State::Header(header) => {
                let used = least((LOCAL_HEADER - header.len()) as u64);
                header.extend_from_slice(bytes.get(..used).unwrap_or_default());
                if header.len() == LOCAL_HEADER {
                    let names = names(header);
                    self.header(names, sink);
                    return Some(used);
                }
                used
            }
            State::Names(left) => {
                let used = least(*left);
                *left -= used as u64;
                if *left == 0 {
                    self.begin(sink);
                    return Some(used);
                }
                used
            }
            State::Body(body) => {
                let used = least(body.left);
                body.left -= used as u64;
                let is_last = body.left == 0;
                self.body(bytes.get(..used).unwrap_or_default(), sink);
                if is_last {
                    self.end(sink);
                    return Some(used);
                }
                used
            }
        };
        (used > 0).then_some(used)
    }

    fn refuse(&mut self, broken: Broken, sink: &mut impl Sink) {
        self.state = State::Between;
        if let Some(entry) = self.entries.pop_front() {
            sink.begin(&entry);
            sink.end(&entry, Err(broken));
        }
    }

    fn header(&mut self, names: Option<u64>, sink: &mut impl Sink) {
        match names {
            Some(left) => self.state = State::Names(left),
            None => self.refuse(Broken::NoHeader, sink),
        }
    }

    fn begin(&mut self, sink: &mut impl Sink) {
        let Some(entry) = self.entries.front() else {
            return;
        };
        sink.begin(entry);
        self.inflate.reset(false);
        let broken = match entry.method {
            Method::Stored if entry.compressed != entry.uncompressed => Some(Broken::Size),
            Method::Stored | Method::Deflated => None,
            Method::Encrypted => Some(Broken::Encrypted),
            Method::Other(number) => Some(Broken::Method(number)),
        };
        self.state = State::Body(Body {
            left: entry.compressed,
            broken,
            ..Body::default()
        });
    }

    fn body(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let (State::Body(body), Some(entry)) = (&mut self.state, self.entries.front()) else {
            return;
        };
        if body.broken.is_some() {
            return;
        }
        if entry.method == Method::Stored {
            body.take(entry, bytes, sink);
        } else {
            body.inflate(entry, &mut self.inflate, &mut self.output, bytes, sink);
        }
    }

    fn end(&mut self, sink: &mut impl Sink) {
        let state = std::mem::replace(&mut self.state, State::Between);
        if let (State::Body(body), Some(entry)) = (state, self.entries.pop_front()) {
            sink.end(&entry, body.result(&entry));
        }
    }
}

impl Body {
    fn take(&mut self, entry: &Entry, bytes: &[u8], sink: &mut impl Sink) {
        self.made += bytes.len() as u64;
        if self.made > entry.uncompressed {
            self.broken = Some(Broken::Size);
            return;
        }
        self.crc.update(bytes);
        sink.content(entry, bytes);
    }

    fn inflate(
        &mut self,
        entry: &Entry,
        inflate: &mut Decompress,
        output: &mut [u8],
        mut bytes: &[u8],
        sink: &mut impl Sink,
    ) {
        while self.broken.is_none() && !self.ended {
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(bytes, output, FlushDecompress::None);
            let count =
                |after: u64, before: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
            let read = count(inflate.total_in(), before_in);
            let made = count(inflate.total_out(), before_out);
            bytes = bytes.get(read..).unwrap_or_default();
            self.take(entry, output.get(..made).unwrap_or_default(), sink);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(Status::Ok | Status::BufError) if read == 0 && made == 0 => return,
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) => self.broken = Some(Broken::Data),
            }
        }
    }

    fn result(self, entry: &Entry) -> Result<(), Broken> {
        let is_empty = entry.compressed == 0 && entry.uncompressed == 0;
        let is_complete = entry.method != Method::Deflated || self.ended || is_empty;
        match self.broken {
            Some(broken) => Err(broken),
            None if !is_complete => Err(Broken::Data),
            None if self.made != entry.uncompressed => Err(Broken::Size),
            None if self.crc.finalize() != entry.crc => Err(Broken::Crc),
            None => Ok(()),
        }
    }
}

/// Returns the bytes of name and extra fields that follow a local header; `None` if it is none.
fn names(header: &[u8]) -> Option<u64> {
    let length = |at: usize| {
        header
            .get(at..)?
            .first_chunk()
            .map(|length| u16::from_le_bytes(*length))
    };
    let (name, extra) = (length(26)?, length(28)?);
    header
        .starts_with(&LOCAL_SIGNATURE)
        .then(|| u64::from(name) + u64::from(extra))
}
