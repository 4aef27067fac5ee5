//! Zips as they are, damaged and malicious, read by ranges and in pieces.

use std::{
    io::{Cursor, Write as _},
    ops::Range,
};

use rstest::rstest;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

const MESSAGE: &[u8] = b"From: ada@example.com\r\nSubject: Mail\r\n\r\nText\r\n";
const CALENDAR: &[u8] = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
const LOG: &[u8] = br#"{"totalMessages":"3","totalBytes":"126","totalFolders":"2"}"#;

/// A zip with these entries.
fn zip<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    build(entries, |zip| zip)
}

fn build<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    with: impl FnOnce(ZipWriter<Cursor<Vec<u8>>>) -> ZipWriter<Cursor<Vec<u8>>>,
) -> Vec<u8> {
    let mut zip = with(ZipWriter::new(Cursor::new(Vec::new())));
    for (name, content) in entries {
        let method = if name.ends_with(".stored") {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default().compression_method(method);
        if name.ends_with('/') {
            zip.add_directory(name, options).unwrap();
        } else {
            zip.start_file(name, options).unwrap();
            zip.write_all(content).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn mailbox() -> Vec<u8> {
    zip([
        ("Inbox/", &b""[..]),
        ("Inbox/0001.eml", MESSAGE),
        ("Entwürfe/木.eml", MESSAGE),
        ("Calendar/0001.ics", CALENDAR),
        ("export-log.json", LOG),
    ])
}

fn read(bytes: &[u8], range: &Range<u64>) -> Vec<u8> {
    bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
}

/// The entries of a zip, and the bytes that were read for them.
fn directory(bytes: &[u8]) -> (Result<Vec<Entry>, Damage>, u64) {
    let mut directory = Directory::new(bytes.len() as u64);
    let (mut entries, mut cost) = (Vec::new(), 0);
    while let Some(range) = directory.wanted() {
        cost += range.end - range.start;
        if let Err(damage) = directory.supply(&read(bytes, &range), &mut entries) {
            return (Err(damage), cost);
        }
    }
    (Ok(entries), cost)
}

fn inspect(bytes: &[u8]) -> (Result<Contents, Damage>, u64) {
    let mut inspection = Inspection::new(bytes.len() as u64);
    let mut cost = 0;
    while let Some(range) = inspection.wanted() {
        cost += range.end - range.start;
        if let Err(damage) = inspection.supply(&read(bytes, &range)) {
            return (Err(damage), cost);
        }
    }
    (Ok(inspection.finish()), cost)
}

/// What a sink was given.
#[derive(Debug, Default, PartialEq)]
struct Seen(Vec<(String, Vec<u8>, Option<Broken>)>);

impl Sink for Seen {
    fn begin(&mut self, entry: &Entry) {
        self.0
            .push((entry.name.clone(), Vec::new(), Some(Broken::Truncated)));
    }
    fn content(&mut self, _: &Entry, bytes: &[u8]) {
        self.0.last_mut().unwrap().1.extend_from_slice(bytes);
    }
    fn end(&mut self, entry: &Entry, result: Result<(), Broken>) {
        let last = self.0.last_mut().unwrap();
        assert_eq!(last.0, entry.name, "each entry begins before it ends");
        last.2 = result.err();
    }
}

/// A whole pass, fed in pieces of this size.
fn pass(bytes: &[u8], entries: Vec<Entry>, piece: usize) -> Seen {
    let (mut pass, mut seen) = (Pass::from(0), Seen::default());
    pass.expect(entries);
    for piece in bytes.chunks(piece) {
        pass.feed(piece, &mut seen);
    }
    pass.finish(&mut seen);
    seen
}

fn broken(seen: &Seen) -> Vec<Option<Broken>> {
    seen.0.iter().map(|(_, _, broken)| *broken).collect()
}

#[test]
fn a_directory_is_read_with_names_sizes_and_order() {
    let zip = mailbox();
    let entries = directory(&zip).0.unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Inbox/",
            "Inbox/0001.eml",
            "Entwürfe/木.eml",
            "Calendar/0001.ics",
            "export-log.json"
        ]
    );
    assert_eq!(entries[2].uncompressed, MESSAGE.len() as u64);
    assert_eq!(
        (entries[2].folder(), entries[2].file_name()),
        ("Entwürfe", "木.eml")
    );
    assert!(entries[0].is_folder() && !entries[1].is_folder());
}

#[test]
fn a_directory_of_70_000_entries_is_read_in_ranges_and_none_is_lost_between_two() {
    let names: Vec<_> = (0..70_000)
        .map(|number| format!("Archive/{number}.eml"))
        .collect();
    let bytes = zip(names.iter().map(|name| (name.as_str(), &b""[..])));
    let (entries, _) = directory(&bytes);
    let read: Vec<_> = entries
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert!(read == names, "{} entries", read.len());
}

#[test]
fn what_is_read_is_the_directory_and_at_most_64_kib_more() {
    for messages in [0, 1, 100, 20_000] {
        let names: Vec<_> = (0..messages)
            .map(|number| format!("Inbox/{number}.eml"))
            .collect();
        let body = vec![b'x'; 1000];
        let all = names.iter().map(|name| (name.as_str(), body.as_slice()));
        let bytes = zip(all.chain([("export-log.json", LOG)]));
        let (contents, cost) = inspect(&bytes);
        let contents = contents.unwrap();
        assert_eq!(contents.entries, messages);
        assert_eq!(contents.uncompressed_bytes, messages * 1000);
        assert_eq!(contents.log.unwrap().total_messages, Some(3));
        let length: usize = names.iter().map(|name| 46 + name.len()).sum();
        assert!(
            cost <= length as u64 + 64 * 1024,
            "{messages} messages: {cost} bytes for {length}"
        );
    }
}

#[test]
fn a_long_comment_hides_no_directory() {
    let bytes = build([("a.eml", MESSAGE)], |mut zip| {
        zip.set_comment("c".repeat(60_000)).unwrap();
        zip
    });
    assert_eq!(directory(&bytes).0.unwrap().len(), 1);
}

#[test]
fn an_empty_zip_has_no_entries_and_an_empty_object_is_no_zip() {
    assert_eq!(inspect(&zip([])).0.unwrap(), Contents::default());
    assert_eq!(inspect(&[]).0, Err(Damage::NoEnd));
}

#[test]
fn what_looks_like_a_log_and_is_none_counts_as_an_entry() {
    let bytes = zip([("notes.json", &b"{\"a\":1}"[..]), ("Inbox/1.eml", MESSAGE)]);
    let contents = inspect(&bytes).0.unwrap();
    assert_eq!((contents.entries, contents.log), (2, None));
    assert_eq!(contents.uncompressed_bytes, 7 + MESSAGE.len() as u64);
}

#[test]
fn a_zip_that_is_cut_or_has_lost_a_part_is_damaged_and_never_shorter() {
    let whole = mailbox();
    for kept in 0..whole.len() {
        let (read, _) = directory(&whole[..kept]);
        assert!(read.is_err(), "{kept} of {} bytes", whole.len());
    }
    let start = whole
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    let mut without = whole.clone();
    without[start + 60] ^= 0x55;
    without[start] ^= 0x55;
    assert!(directory(&without).0.is_err(), "the first record");
    let count = whole.len() - 22 + 10;
    let mut other = whole;
    other[count] += 1;
    assert_eq!(
        directory(&other).0,
        Err(Damage::Count {
            found: 5,
            declared: 6
        })
    );
}

#[test]
fn entries_before_the_damage_of_a_directory_are_given_out() {
    let mut bytes = mailbox();
    let records: Vec<_> = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..].starts_with(b"PK\x01\x02"))
        .collect();
    bytes[records[3]] ^= 0xff;
    let (mut directory, mut entries) = (Directory::new(bytes.len() as u64), Vec::new());
    let range = directory.wanted().unwrap();
    let damage = directory.supply(&read(&bytes, &range), &mut entries);
    assert_eq!((damage, entries.len()), (Err(Damage::Record(3)), 3));
    assert_eq!(directory.wanted(), None);
}

#[test]
fn fewer_bytes_than_wanted_are_no_damage_of_the_zip() {
    let mut directory = Directory::new(100);
    let damage = directory.supply(&[0; 99], &mut Vec::new()).unwrap_err();
    assert_eq!(
        Trouble::from(damage.clone()),
        Trouble::Failed(damage.to_string())
    );
}

#[rstest]
#[case(1)]
#[case(7)]
#[case(1 << 20)]
fn a_pass_in_pieces_of_any_size_gives_every_content(#[case] piece: usize) {
    let large: Vec<u8> = (0..200_000_u32)
        .flat_map(|number| (number % 251).to_le_bytes())
        .collect();
    let contents = [
        ("a.eml", MESSAGE),
        ("b.stored", &large),
        ("c", b""),
        ("d.stored", b""),
        ("e", &large),
    ];
    let bytes = zip(contents);
    let seen = pass(&bytes, directory(&bytes).0.unwrap(), piece);
    for ((name, content, broken), expected) in seen.0.iter().zip(contents) {
        assert_eq!((name.as_str(), *broken), (expected.0, None));
        assert!(content == expected.1, "{name}");
    }
    assert_eq!(seen.0.len(), contents.len());
}

#[test]
fn a_zip_that_is_written_as_a_stream_has_its_sizes_behind_the_data() {
    let mut bytes = Vec::new();
    let mut zip = ZipWriter::new_stream(&mut bytes);
    zip.start_file(
        "a.eml",
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
    )
    .unwrap();
    zip.write_all(MESSAGE).unwrap();
    zip.start_file("b.eml", SimpleFileOptions::default())
        .unwrap();
    zip.write_all(MESSAGE).unwrap();
    zip.finish().unwrap();
    let seen = pass(&bytes, directory(&bytes).0.unwrap(), 10);
    assert_eq!(broken(&seen), [None, None]);
    assert!(seen.0.iter().all(|(_, content, _)| content == MESSAGE));
}

#[test]
fn one_changed_byte_breaks_one_entry_and_the_others_go_on() {
    let long: Vec<u8> = (0..5000_u16).flat_map(u16::to_le_bytes).collect();
    let bytes = zip([
        ("a.eml", MESSAGE),
        ("b.stored", &long),
        ("c", &long),
        ("d.eml", MESSAGE),
    ]);
    let entries = directory(&bytes).0.unwrap();
    let start = |index: usize| usize::try_from(entries[index].offset).unwrap();
    let cases = [
        (start(1) + 100, vec![None, Some(Broken::Crc), None, None]),
        (start(1), vec![None, Some(Broken::NoHeader), None, None]),
    ];
    for (at, expected) in cases {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(
            broken(&pass(&changed, entries.clone(), 1000)),
            expected,
            "{at}"
        );
    }
    for at in start(2) + 35..start(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        let seen = broken(&pass(&changed, entries.clone(), 1000));
        assert!(
            matches!(seen[..], [None, None, Some(_), None]),
            "byte {at}: {seen:?}"
        );
    }
}

#[test]
fn an_object_that_ends_early_has_no_whole_entry_behind_its_end() {
    let bytes = mailbox();
    let entries = directory(&bytes).0.unwrap();
    let cut = usize::try_from(entries[2].offset).unwrap() + 40;
    let seen = broken(&pass(&bytes[..cut], entries, 9));
    let lost = Some(Broken::Truncated);
    assert_eq!(seen, [None, None, lost, lost, lost]);
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let bytes = zip([("bomb", &vec![0; 100_000][..]), ("b", b"")]);
    let mut entries = directory(&bytes).0.unwrap();
    let again = Entry {
        name: "again".to_owned(),
        ..entries[0].clone()
    };
    entries.insert(1, again);
    assert_eq!(
        broken(&pass(&bytes, entries, 4096)),
        [None, Some(Broken::Overlap), None]
    );
}

#[test]
fn no_more_is_handed_on_than_the_directory_says() {
    let bytes = zip([("bomb", &vec![0; 10_000_000][..])]);
    let mut entries = directory(&bytes).0.unwrap();
    entries[0].uncompressed = 100_000;
    let seen = pass(&bytes, entries, 4096);
    assert_eq!(broken(&seen), [Some(Broken::Size)]);
    assert!(seen.0[0].1.len() <= 100_000, "{} bytes", seen.0[0].1.len());
}

#[test]
fn what_cannot_be_decompressed_is_told_and_skipped() {
    let bytes = mailbox();
    let mut entries = directory(&bytes).0.unwrap();
    entries[1].method = Method::Other(99);
    entries[2].method = Method::Encrypted;
    let seen = broken(&pass(&bytes, entries, 100));
    assert_eq!(
        seen,
        [
            None,
            Some(Broken::Method(99)),
            Some(Broken::Encrypted),
            None,
            None
        ]
    );
}

fn count(bytes: &[u8]) -> Count {
    let (mut pass, mut count) = (Pass::from(0), Count::default());
    pass.expect(directory(bytes).0.unwrap());
    pass.feed(bytes, &mut count);
    pass.finish(&mut count);
    count
}

#[test]
fn entries_are_counted_by_folder_and_told_by_their_content() {
    let counted = count(&mailbox());
    let counts = counted.counts();
    assert_eq!(
        (counts.messages, counts.calendars, counts.others),
        (2, 1, 0)
    );
    let folders: Vec<_> = counts
        .folders
        .iter()
        .map(|folder| (folder.folder.as_str(), folder.messages))
        .collect();
    assert_eq!(folders, [("Calendar", 0), ("Entwürfe", 1), ("Inbox", 1)]);
    assert_eq!(counted.log().unwrap().total_folders, Some(2));
    assert_eq!(counted.findings().1, 0);
}

#[rstest]
#[case::a_header_field(b"Received: by x", Kind::Message)]
#[case::an_mbox(b"From ada Thu", Kind::Message)]
#[case::a_calendar(b"\xef\xbb\xbfbegin:vcalendar\r\n", Kind::Calendar)]
#[case::text(b"Some text: no", Kind::Other)]
#[case::an_object(b"{\"a\": 1}", Kind::Other)]
#[case::nothing(b"", Kind::Other)]
fn an_entry_is_told_by_its_first_bytes(#[case] start: &[u8], #[case] kind: Kind) {
    assert_eq!(Kind::of(start), kind);
}

#[test]
fn fewer_items_than_the_log_or_the_manifest_are_wrong_and_more_are_only_told() {
    let reasons = |entries: Option<u64>, log: Option<&[u8]>| {
        let mut counted = count(&zip([
            ("a.eml", MESSAGE),
            ("b.eml", MESSAGE),
            ("c.ics", CALENDAR),
        ]));
        if let Some(log) = log.and_then(Log::parse) {
            counted.take_log(log);
        }
        counted.compare(entries);
        counted
            .findings()
            .0
            .into_iter()
            .map(|finding| finding.reason)
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons(Some(3), None), []);
    assert_eq!(reasons(Some(4), None), [FindingReason::FewerItems]);
    let log = |messages: u32| format!(r#"{{"totalMessages":"{messages}"}}"#).into_bytes();
    assert_eq!(
        reasons(None, Some(&log(3))),
        [],
        "calendars counted as messages"
    );
    assert_eq!(reasons(None, Some(&log(2))), [], "and not");
    assert_eq!(reasons(None, Some(&log(4))), [FindingReason::FewerItems]);
    assert_eq!(reasons(None, Some(&log(1))), [FindingReason::Differs]);
}
