//! Memory does not depend on the size of what is read.

use std::{fs, process::Stdio, time::Duration};

use tokio::time::sleep;

use zip::CompressionMethod;

use crate::world::{BUCKET, MANIFEST, MESSAGE, World, mailbox, manifest, zip, zip_by};

/// The most memory of `verify`, in KiB.
const MOST: u64 = 64 * 1024;

#[tokio::test]
async fn verify_of_an_object_larger_than_its_memory_stays_within_it() {
    let world = World::new().await;
    let long = [MESSAGE, &vec![b'x'; 6_000_000]].concat();
    let entries = (0..12).map(|number| (format!("Inbox/{number}.eml"), &long));
    let large = zip_by(CompressionMethod::Stored, entries);
    assert!(large.len() as u64 / 1024 > MOST, "{} bytes", large.len());
    let object = world.put("mail/large.zip", large).await;
    let many = zip((0..100_000).map(|number| (format!("Inbox/{number}.eml"), MESSAGE)));
    let many = world.put("mail/many.zip", many).await;
    world
        .put_manifest(&manifest(vec![
            mailbox("large", Some(object)),
            mailbox("many", Some(many)),
        ]))
        .await;
    let name = format!("s3://{BUCKET}/{MANIFEST}");
    let mut child = world
        .command()
        .args(["verify", &name])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(now.unwrap_or_default());
        sleep(Duration::from_millis(20)).await;
    }
    assert!(child.wait().await.unwrap().success());
    assert!(peak > 0 && peak <= MOST, "{peak} KiB");
}
