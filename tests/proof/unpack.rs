//! Unpacked zips, read by Python's mailbox library.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rstest::rstest;
use serde_json::Value;

use crate::world::{BUCKET, CALENDAR, World, stderr, zip};

fn message(subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Ada <ada@example.com>\r\nTo: bob@example.com\r\nSubject: {subject}\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

fn export() -> Vec<u8> {
    zip([
        (
            "Inbox/1.eml",
            message("One", "From here on\r\n>From there on\r\nEnd"),
        ),
        ("Archive/2026/1.eml", message("Two", "Text")),
        ("Inbox/2.eml", message("Three", "Text")),
        ("Entwürfe/木/1.eml", message("Four", "Text")),
        ("Calendar/1.ics", CALENDAR.to_vec()),
        ("export-log.json", br#"{"totalMessages":"4"}"#.to_vec()),
    ])
}

/// What Python's mailbox library reads: subjects and bodies.
fn read(class: &str, path: &Path) -> Vec<(String, String)> {
    let script = "import json, mailbox, sys\n\
        box = getattr(mailbox, sys.argv[1])(sys.argv[2], create=False)\n\
        print(json.dumps([[m['Subject'], m.get_payload()] for m in box]))";
    let output = Command::new("python3")
        .args(["-c", script, class])
        .arg(path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read: Vec<(String, String)> = serde_json::from_slice(&output.stdout).unwrap();
    read.into_iter()
        .map(|(subject, body)| (subject, body.replace("\r\n", "\n").trim_end().to_owned()))
        .collect()
}

fn pair(subject: &str, body: &str) -> (String, String) {
    (subject.to_owned(), body.to_owned())
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

#[tokio::test]
async fn an_mbox_of_each_folder_is_read_by_a_mail_library() {
    let world = World::new().await;
    let object = world.put("mail/job.zip", export()).await;
    let name = format!("s3://{BUCKET}/{}", object.key);
    let output = world.run(&["unpack", &name, "--output", "json"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "quiet in a pipe");
    let target = world.path().join("job");
    let quoted = ">From here on\n>>From there on\nEnd";
    assert_eq!(
        read("mbox", &target.join("Inbox.mbox")),
        [pair("One", quoted), pair("Three", "Text")]
    );
    assert_eq!(
        read("mbox", &target.join("Archive/2026.mbox")),
        [pair("Two", "Text")]
    );
    assert_eq!(
        read("mbox", &target.join("Entwürfe/木.mbox")),
        [pair("Four", "Text")]
    );
    assert_eq!(fs::read(target.join("Calendar/1.ics")).unwrap(), CALENDAR);
    assert_eq!(files(&target).len(), 5, "{:?}", files(&target));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["messages"], &told["calendars"], &told["brokenTotal"]),
        (&4.into(), &1.into(), &0.into())
    );
}

#[tokio::test]
async fn a_maildir_of_each_folder_is_read_by_a_mail_library() {
    let world = World::new().await;
    let output = world
        .unpack(&export(), &["--format", "maildir", "--to", "mail"])
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    let target = world.path().join("mail");
    let inbox: BTreeSet<_> = read("Maildir", &target.join("Inbox")).into_iter().collect();
    let unquoted = "From here on\n>From there on\nEnd";
    assert_eq!(
        inbox,
        BTreeSet::from([pair("One", unquoted), pair("Three", "Text")])
    );
    assert_eq!(
        read("Maildir", &target.join("Entwürfe/木")),
        [pair("Four", "Text")]
    );
}

#[tokio::test]
async fn a_tree_of_files_has_every_message_byte_for_byte() {
    let world = World::new().await;
    let output = world
        .unpack(&export(), &["--format", "eml", "--to", "mail"])
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    let target = world.path().join("mail");
    assert_eq!(
        fs::read(target.join("Entwürfe/木/1.eml")).unwrap(),
        message("Four", "Text")
    );
    assert_eq!(files(&target).len(), 6);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (
            mode(&target.join("Inbox/1.eml")),
            mode(&target.join("Inbox"))
        ),
        (0o600, 0o700)
    );
}

#[rstest]
#[case("mbox")]
#[case("maildir")]
#[case("eml")]
#[tokio::test]
async fn a_broken_entry_is_told_and_leaves_nothing_and_the_rest_goes_on(#[case] format: &str) {
    let world = World::new().await;
    let noise = (0..4000_u32).fold(String::new(), |mut noise, n| {
        write!(noise, "{}\r\n", n.wrapping_mul(2_654_435_761)).unwrap();
        noise
    });
    let mut bytes = zip([
        ("Inbox/1.eml", message("One", "Text")),
        ("Inbox/2.eml", message("Two", &noise)),
        ("Inbox/3.eml", message("Three", "Text")),
    ]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let output = world
        .unpack(
            &bytes,
            &["--format", format, "--to", "mail", "--output", "json"],
        )
        .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("1 entries could not be unpacked"),
        "{}",
        stderr(&output)
    );
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["messages"], &told["broken"][0]["entry"]),
        (&2.into(), &"Inbox/2.eml".into())
    );
    let target = world.path().join("mail");
    let expected = [pair("One", "Text"), pair("Three", "Text")];
    match format {
        "mbox" => assert_eq!(read("mbox", &target.join("Inbox.mbox")), expected),
        "maildir" => assert_eq!(read("Maildir", &target.join("Inbox")).len(), 2),
        _ => assert_eq!(files(&target).len(), 2),
    }
}

#[tokio::test]
async fn what_stands_before_the_damage_of_a_directory_is_unpacked() {
    let world = World::new().await;
    let mut bytes = export();
    let is_record = |at: &usize| bytes[*at..].starts_with(b"PK\x01\x02");
    let third = (0..bytes.len()).filter(is_record).nth(2).unwrap();
    bytes[third] ^= 0xff;
    let output = world.unpack(&bytes, &["--to", "mail"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("damaged after 2 entries"), "{said}");
    let target = world.path().join("mail");
    assert_eq!(read("mbox", &target.join("Archive/2026.mbox")).len(), 1);
    assert_eq!(files(&target).len(), 2);
}

#[rstest]
#[case("mbox")]
#[case("eml")]
#[tokio::test]
async fn no_name_leads_out_of_the_target_folder(#[case] format: &str) {
    let world = World::new().await;
    let names = [
        "../../out/1.eml",
        "/abs/2.eml",
        "..",
        "a/../../3.eml",
        "..\\4.eml",
        "Inbox",
        "Inbox/5.eml",
        "inbox/5.EML",
    ];
    let bytes = zip(names.map(|name| (name, message(name, "Text"))));
    let output = world
        .unpack(&bytes, &["--format", format, "--to", "in/mail"])
        .await;
    assert_eq!(output.status.code(), Some(1), "its parent does not exist");
    fs::create_dir(world.path().join("in")).unwrap();
    let output = world
        .unpack(&bytes, &["--format", format, "--to", "in/mail"])
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    let below = files(&world.path().join("in/mail"));
    let all = files(world.path());
    assert_eq!(all.len(), below.len() + 1, "the zip, and {all:?}");
    let messages: usize = below
        .iter()
        .map(|path| {
            if format == "mbox" {
                read("mbox", path).len()
            } else {
                1
            }
        })
        .sum();
    assert_eq!(messages, names.len());
}

#[tokio::test]
async fn a_bomb_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let bytes = zip([("a.eml", vec![b'a'; 3_000_000])]);
    let output = world
        .unpack(&bytes, &["--max-size", "1000000", "--to", "mail"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("--max-size 3000000"),
        "{}",
        stderr(&output)
    );
    assert!(!world.path().join("mail").exists());
    // One that lies about its size: the directory says 1000 bytes.
    let mut lies = bytes;
    let record = lies
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    lies[record + 24..record + 28].copy_from_slice(&1000_u32.to_le_bytes());
    let output = world
        .unpack(&lies, &["--max-size", "1000000", "--to", "mail"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    let written: u64 = files(&world.path().join("mail"))
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!(written <= 1000, "{written} bytes");
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_not_written_to() {
    let world = World::new().await;
    fs::create_dir(world.path().join("mail")).unwrap();
    fs::write(world.path().join("mail/mine"), "mine").unwrap();
    let output = world.unpack(&export(), &["--to", "mail"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("not an empty folder"),
        "{}",
        stderr(&output)
    );
    assert_eq!(files(&world.path().join("mail")).len(), 1);
    let output = world.run(&["unpack", "no.zip"]).await;
    assert_eq!(output.status.code(), Some(1));
    let output = world.unpack(b"no zip", &["--to", "none"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no zip"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_mailbox_of_100_000_messages_is_unpacked_whole() {
    let world = World::new().await;
    let names = (0..100_000).map(|number| format!("Folder {}/{number}.eml", number % 100));
    let bytes = zip(names.map(|name| (name, message("Many", "Text"))));
    let output = world
        .unpack(&bytes, &["--to", "mail", "--output", "yaml"])
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("messages: 100000\n"), "{told:.200}");
    assert_eq!(files(&world.path().join("mail")).len(), 100);
    assert_eq!(
        read("mbox", &world.path().join("mail/Folder 42.mbox")).len(),
        1000
    );
}
