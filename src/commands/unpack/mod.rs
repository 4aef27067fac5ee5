//! `workmail-operator unpack`: an exported zip as mbox files, Maildir folders or `.eml` files, and calendars as
//! `.ics` files, because nothing that takes mail takes the zip.

mod files;
mod tree;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    Failed,
    output::{Output, table},
    progress::{Progress, size},
    scan::scan,
    source::Source,
    store::{ObjectName, Store, config},
};
use crate::proof::{FolderCount, Inspection};
use tree::Tree;

/// How much an archive may have uncompressed, whatever its own size.
const ALWAYS_ALLOWED: u64 = 1 << 30;

/// How many times its own size an archive may have uncompressed. Mail has less than ten times.
const MOST_TIMES: u64 = 100;

/// What messages are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One file for each folder.
    #[default]
    Mbox,
    /// One Maildir for each folder.
    Maildir,
    /// One `.eml` file for each message.
    Eml,
}

/// The flags of `unpack`.
#[derive(Args, Clone, Debug)]
pub struct UnpackFlags {
    /// The exported zip: `s3://BUCKET/KEY`, or a file
    pub source: String,

    /// The folder to write to; it is created, or has to be empty [default: the name of the zip]
    #[arg(long)]
    pub to: Option<PathBuf>,

    /// What messages are written as
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// The most bytes that are written [default: 1 GiB, or 100 times the size of the zip if that is more]
    #[arg(long)]
    pub max_size: Option<u64>,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,

    /// The AWS account that owns the bucket
    #[arg(long)]
    pub expected_bucket_owner: Option<String>,
}

/// What was unpacked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unpacked {
    target: PathBuf,
    messages: u64,
    calendars: u64,
    others: u64,
    folders: Vec<FolderCount>,
    /// The first entries that could not be unpacked.
    broken: Vec<BrokenEntry>,
    broken_total: u64,
    /// Why entries may be missing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
}

/// An entry that could not be unpacked.
#[derive(Debug, Serialize)]
struct BrokenEntry {
    entry: String,
    message: String,
}

/// Unpacks an exported zip.
///
/// # Errors
/// It could not be read or written, or not all of it.
pub async fn run(flags: &UnpackFlags) -> Result<(), Failed> {
    let source = open(flags).await?;
    refuse_bomb(&source, flags).await?;
    let target = flags.to.clone().unwrap_or_else(|| stem(&flags.source));
    make_empty(&target)?;
    let mut progress = Progress::new(source.size());
    progress.on(target.display().to_string());
    let tree = Tree::new(target.clone(), flags.format);
    let scanned = scan(&source, tree, false, &mut progress).await;
    drop(progress);
    let scanned = scanned.map_err(|trouble| {
        let read = Failed::reading(&flags.source, &trouble);
        Failed::Told(format!(
            "{read} Remove {} before you try again.",
            target.display()
        ))
    })?;
    let damage = scanned.damage.map(|damage| damage.to_string());
    let unpacked = scanned.sink.finish(damage)?;
    flags.output.write(&unpacked, || for_people(&unpacked))?;
    if unpacked.broken_total == 0 && unpacked.damage.is_none() {
        return Ok(());
    }
    let why = unpacked
        .damage
        .as_ref()
        .map_or_else(String::new, |damage| format!(" ({damage})"));
    Err(Failed::Told(format!(
        "Export the mailbox again: {} entries could not be unpacked{why}; the others were.",
        unpacked.broken_total
    )))
}

async fn open(flags: &UnpackFlags) -> Result<Source, Failed> {
    let name = &flags.source;
    if !name.starts_with("s3://") {
        let read = |error: io::Error| {
            Failed::Told(format!("Check the name: {name} cannot be read ({error})."))
        };
        let file = File::open(name).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        return Ok(Source::File(file, size));
    }
    let name: ObjectName = name.parse().map_err(Failed::Told)?;
    let store = Store::open(
        &config().await,
        &name.bucket,
        flags.expected_bucket_owner.as_deref(),
    )
    .await;
    let object = store.head(&name.key, None).await;
    let object = object.map_err(|trouble| Failed::reading(&name, &trouble))?;
    Ok(Source::Object(store, object))
}

/// Refuses an archive that would fill the disk, before anything is written. What an entry has beyond what the
/// directory says of it is refused later, in the pass.
async fn refuse_bomb(source: &Source, flags: &UnpackFlags) -> Result<(), Failed> {
    let mut inspection = Inspection::new(source.size());
    while let Some(range) = inspection.wanted() {
        let bytes = source.read(&range).await;
        let bytes = bytes.map_err(|trouble| Failed::reading(&flags.source, &trouble))?;
        if inspection.supply(&bytes).is_err() {
            // What can be read of it is unpacked, and the rest told. The limit holds for what was listed.
            break;
        }
    }
    let has = inspection.finish().uncompressed_bytes;
    let most = flags
        .max_size
        .unwrap_or_else(|| ALWAYS_ALLOWED.max(source.size().saturating_mul(MOST_TIMES)));
    if has <= most {
        return Ok(());
    }
    Err(Failed::Told(format!(
        "Pass --max-size {has} if you trust it: {} has {} uncompressed, and {} are allowed.",
        flags.source,
        size(has),
        size(most)
    )))
}

fn stem(source: &str) -> PathBuf {
    let name = source
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(source);
    PathBuf::from(Path::new(name).file_stem().unwrap_or("mailbox".as_ref()))
}

fn make_empty(target: &Path) -> Result<(), Failed> {
    match DirBuilder::new()
        .recursive(false)
        .mode(0o700)
        .create(target)
    {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(Failed::Told(format!(
                "Name another folder by --to: {} cannot be made ({error}).",
                target.display()
            )));
        }
    }
    let is_empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty {
        return Ok(());
    }
    Err(Failed::Told(format!(
        "Name another folder by --to: {} is not an empty folder.",
        target.display()
    )))
}

fn for_people(unpacked: &Unpacked) -> String {
    let row = |folder: &FolderCount| {
        let counts =
            [folder.messages, folder.calendars, folder.others].map(|count| count.to_string());
        std::iter::once(folder.folder.clone())
            .chain(counts)
            .collect()
    };
    let rows: Vec<_> = unpacked.folders.iter().map(row).collect();
    let mut text = table(&["folder", "messages", "calendars", "others"], &rows);
    let broken: Vec<_> = unpacked
        .broken
        .iter()
        .map(|broken| vec![broken.entry.clone(), broken.message.clone()])
        .collect();
    if !broken.is_empty() {
        text.push('\n');
        text.push_str(&table(&["not unpacked", "why"], &broken));
    }
    text
}
