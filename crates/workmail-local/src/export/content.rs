//! The archive of a mailbox: messages in folders, a calendar, and the log.

use std::io::{self, Cursor, Write as _};

use jiff::Timestamp;
use mail_builder::MessageBuilder;
use serde_json::json;
use sha2::{Digest, Sha384};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{clock, knobs::ExportLog};

/// What a mailbox is made of.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) name: String,
    pub(super) address: Option<String>,
    /// The size in MB.
    pub(super) megabytes: f64,
    /// The most MB that are written.
    pub(super) largest: u32,
    pub(super) log: ExportLog,
}

/// An archive and its log.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) zip: Vec<u8>,
    pub(super) log: Vec<u8>,
}

/// The folders of a mailbox with mail.
const FOLDERS: [&str; 4] = ["Inbox", "Sent Items", "Archive/2026", "Deleted Items"];

/// The most messages of an archive.
const MOST_MESSAGES: usize = 40;

/// About how many bytes the shortest message and the headers of a message have.
const SHORTEST_MESSAGE: usize = 1024;
const HEADERS: usize = 300;

const MEGABYTE: f64 = 1_048_576.0;

const LINE: &str = "This line of a made message makes the mailbox as large as its size says.\r\n";

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//workmail-local//EN\r\n\
    BEGIN:VEVENT\r\nUID:meeting@workmail-local\r\nDTSTAMP:20261101T090000Z\r\n\
    DTSTART:20261102T090000Z\r\nDTEND:20261102T093000Z\r\nSUMMARY:Weekly meeting\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

/// Makes the archive of a mailbox. An empty mailbox has no entry but the log.
pub(super) fn archive(mailbox: &Mailbox, started: Timestamp) -> zip::result::ZipResult<Archive> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut hash = Sha384::new();
    let mut bytes = 0;
    let messages = messages(mailbox)?;
    for (name, content) in &messages {
        add(&mut zip, name, content)?;
        hash.update(content);
        bytes += content.len();
    }
    let folders = if messages.is_empty() {
        0
    } else {
        FOLDERS.len() + 1
    };
    let digest = hash.finalize();
    let log = json!({
        "totalNonExportableItems": "0",
        "totalMessages": messages.len().to_string(),
        "sha384Hash": digest.iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}")),
        "totalBytes": bytes.to_string(),
        "totalFolders": folders.to_string(),
        "startTime": clock::seconds(started),
        "endTime": clock::seconds(started),
    });
    let log = format!("{log:#}\n").into_bytes();
    if mailbox.log == ExportLog::Inside {
        add(&mut zip, "export-log.json", &log)?;
    }
    let zip = zip.finish()?.into_inner();
    Ok(Archive { zip, log })
}

fn add(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, content: &[u8]) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    zip.start_file(name, options)?;
    zip.write_all(content)
}

/// Returns the names and the contents of the entries, which have about the size of the mailbox.
fn messages(mailbox: &Mailbox) -> io::Result<Vec<(String, Vec<u8>)>> {
    let megabytes = mailbox.megabytes.min(f64::from(mailbox.largest));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size that is not negative and has at most 51 bits"
    )]
    let bytes = (megabytes * MEGABYTE) as usize;
    if bytes == 0 {
        return Ok(Vec::new());
    }
    let count = (bytes / SHORTEST_MESSAGE).clamp(1, MOST_MESSAGES);
    let lines = ((bytes / count).saturating_sub(HEADERS) / LINE.len()).max(1);
    let text = LINE.repeat(lines);
    let address = mailbox.address.as_deref().unwrap_or("nobody@acme.example");
    let mut entries = vec![("Calendar/0001.ics".to_owned(), CALENDAR.into())];
    for (number, folder) in (1..=count).zip(FOLDERS.iter().cycle()) {
        let message = MessageBuilder::new()
            .message_id(format!("{number}.{}@workmail-local", mailbox.name))
            .date(1_790_000_000_i64)
            .from(("Ada Lovelace", "ada@example.com"))
            .to((mailbox.name.as_str(), address))
            .subject(format!("Message {number}"))
            .text_body(text.as_str())
            .write_to_vec()?;
        entries.push((format!("{folder}/{number:04}.eml"), message));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use zip::ZipArchive;

    use super::*;

    fn entries(megabytes: f64, largest: u32, log: ExportLog) -> Vec<(String, Vec<u8>)> {
        let mailbox = Mailbox {
            name: "ada".to_owned(),
            address: Some("ada@acme.example".to_owned()),
            megabytes,
            largest,
            log,
        };
        let made = archive(&mailbox, Timestamp::UNIX_EPOCH).unwrap();
        let mut zip = ZipArchive::new(Cursor::new(made.zip)).unwrap();
        (0..zip.len())
            .map(|index| {
                let mut entry = zip.by_index(index).unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                (entry.name().unwrap().into_owned(), content)
            })
            .collect()
    }

    #[test]
    fn an_archive_has_about_the_size_of_its_mailbox() {
        for (megabytes, largest, expected) in [(0.01, 16, 0.01), (2.0, 16, 2.0), (9.0, 1, 1.0)] {
            let entries = entries(megabytes, largest, ExportLog::None);
            let bytes: usize = entries.iter().map(|(_, content)| content.len()).sum();
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let ratio = bytes as f64 / (expected * MEGABYTE);
            assert!((0.9..1.5).contains(&ratio), "{megabytes} MB: {ratio}");
        }
    }

    #[test]
    fn an_archive_has_messages_in_folders_a_calendar_and_a_log() {
        let entries = entries(0.1, 16, ExportLog::Inside);
        let find = |name: &str| {
            let found = entries.iter().find(|(entry, _)| entry == name);
            String::from_utf8(found.unwrap().1.clone()).unwrap()
        };
        let message = find("Sent Items/0002.eml");
        assert!(message.contains("Subject: Message 2\r\n"), "{message}");
        assert!(message.contains("<ada@acme.example>"), "{message}");
        assert!(find("Calendar/0001.ics").starts_with("BEGIN:VCALENDAR\r\n"));
        let log: serde_json::Value = serde_json::from_str(&find("export-log.json")).unwrap();
        assert_eq!(log["totalMessages"], (entries.len() - 1).to_string());
        assert_eq!(log["sha384Hash"].as_str().unwrap().len(), 96);
    }

    #[test]
    fn an_empty_mailbox_has_no_messages() {
        let entries = entries(0.0, 16, ExportLog::Inside);
        assert_eq!(entries.len(), 1);
    }
}
