//! Every byte of a zip, once: the directory ahead of the data, the data to those who take it.
//!
//! This thread reads; a thread inflates, and another one hashes where hashes are wanted. What is on its way
//! between them is bounded, so that memory does not depend on the size of the zip.

use std::thread::{self, JoinHandle};

use bytes::Bytes;
use sha2::{Digest as _, Sha256, Sha384};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{progress::Progress, source::Source};
use crate::proof::{Damage, Directory, Entry, Pass, Sink, Trouble};

/// How many pieces are on their way to one thread.
const IN_FLIGHT: usize = 16;

/// The result of a scan whose bytes could all be read.
#[derive(Debug)]
pub(super) struct Scanned<S> {
    /// What took the entries.
    pub(super) sink: S,
    /// Why the directory could not be read to its end, if so: entries after that were not taken.
    pub(super) damage: Option<Damage>,
    /// The SHA-256 and SHA-384 of all bytes, if they were wanted.
    pub(super) hashes: Option<Hashes>,
}

/// Hashes in hexadecimal digits.
#[derive(Debug)]
pub(super) struct Hashes {
    pub(super) sha256: String,
    pub(super) sha384: String,
}

/// What is sent to the thread that inflates.
enum Work {
    Entries(Vec<Entry>),
    Bytes(Bytes),
    End,
}

/// A sink that may want no more, as when the disk is full.
pub(super) trait Stop {
    fn is_stopped(&self) -> bool;
}

impl Stop for crate::proof::Count {
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Reads a zip once, from its start to its end.
///
/// # Errors
/// A read failed. What the sink was given is lost then.
pub(super) async fn scan<S>(
    source: &Source,
    sink: S,
    hash: bool,
    progress: &mut Progress,
) -> Result<Scanned<S>, Trouble>
where
    S: Sink + Stop + Send + 'static,
{
    let (to_pass, pass) = spawn_pass(sink);
    let hashing = hash.then(spawn_hash);
    let mut directory = Ahead::new(source);
    let mut stream = source.stream();
    let mut position = 0;
    loop {
        let bytes = stream.next().await?;
        if bytes.is_empty() {
            break;
        }
        position += bytes.len() as u64;
        for entries in directory.up_to(position).await? {
            // A sink that has stopped takes nothing more; it says why itself.
            if to_pass.send(Work::Entries(entries)).await.is_err() {
                break;
            }
        }
        progress.read(bytes.len() as u64);
        if let Some((to_hash, _)) = &hashing {
            let _ = to_hash.send(bytes.clone()).await;
        }
        if to_pass.send(Work::Bytes(bytes)).await.is_err() && hashing.is_none() {
            break;
        }
    }
    let _ = to_pass.send(Work::End).await;
    drop(to_pass);
    let hashes = hashing.map(|(to_hash, hash)| {
        drop(to_hash);
        join(hash)
    });
    Ok(Scanned {
        sink: join(pass)?,
        damage: directory.damage,
        hashes: hashes.transpose()?,
    })
}

/// The directory, read as far ahead as the data needs it.
struct Ahead<'a> {
    source: &'a Source,
    directory: Directory,
    /// Every entry that begins before this offset was given out.
    known: u64,
    damage: Option<Damage>,
}

impl<'a> Ahead<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            directory: Directory::new(source.size()),
            known: 0,
            damage: None,
        }
    }

    /// Returns further entries, so that all which begin before `position` are given out.
    async fn up_to(&mut self, position: u64) -> Result<Vec<Vec<Entry>>, Trouble> {
        let mut further = Vec::new();
        while self.known < position {
            let Some(range) = self.directory.wanted() else {
                self.known = u64::MAX;
                break;
            };
            let bytes = self.source.read(&range).await?;
            let mut entries = Vec::new();
            let supplied = self.directory.supply(&bytes, &mut entries);
            let last = entries.last().map_or(0, |entry| entry.offset);
            self.known = self.known.max(last);
            further.push(entries);
            match supplied.map_err(Trouble::from) {
                Ok(()) => {}
                Err(Trouble::Damaged(damage)) => self.damage = Some(damage),
                Err(trouble @ (Trouble::NotFound | Trouble::Failed(_))) => return Err(trouble),
            }
        }
        Ok(further)
    }
}

fn spawn_pass<S>(mut sink: S) -> (Sender<Work>, JoinHandle<S>)
where
    S: Sink + Stop + Send + 'static,
{
    let (sender, mut work) = channel(IN_FLIGHT);
    let thread = thread::spawn(move || {
        let mut pass = Pass::from(0);
        while let Some(work) = Receiver::blocking_recv(&mut work) {
            match work {
                Work::Entries(entries) => pass.expect(entries),
                Work::Bytes(bytes) => pass.feed(&bytes, &mut sink),
                Work::End => {
                    pass.finish(&mut sink);
                    break;
                }
            }
            if sink.is_stopped() {
                break;
            }
        }
        sink
    });
    (sender, thread)
}

fn spawn_hash() -> (Sender<Bytes>, JoinHandle<Hashes>) {
    let (sender, mut pieces) = channel::<Bytes>(IN_FLIGHT);
    let thread = thread::spawn(move || {
        let (mut sha256, mut sha384) = (Sha256::new(), Sha384::new());
        while let Some(bytes) = pieces.blocking_recv() {
            sha256.update(&bytes);
            sha384.update(&bytes);
        }
        Hashes {
            sha256: hex(&sha256.finalize()),
            sha384: hex(&sha384.finalize()),
        }
    });
    (sender, thread)
}

fn join<T>(thread: JoinHandle<T>) -> Result<T, Trouble> {
    thread
        .join()
        .map_err(|_| Trouble::Failed("a thread of this program ended early".to_owned()))
}

/// Returns bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
