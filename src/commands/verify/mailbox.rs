//! The full proof of one mailbox.

use k8s_openapi::jiff::Timestamp;

use crate::{
    commands::{
        progress::Progress,
        scan::{Hashes, scan},
        source::Source,
        store::Store,
    },
    proof::{
        Count, Counts, FindingReason, Mailbox, Manifest, Object, Trouble, Verified, VerifiedMailbox,
    },
};

/// Whether a result is of the object that the manifest names, and right, so that it need not be read again.
pub(super) fn is_same(known: &VerifiedMailbox, mailbox: &Mailbox) -> bool {
    let (Some(read), Some(named)) = (&known.object, &mailbox.object) else {
        return false;
    };
    let is_pinned = named.version_id.is_some() || named.e_tag.is_some();
    known.verified == Verified::True && is_pinned && differs(named, read).is_none()
}

/// Reads a mailbox's export, and judges it.
pub(super) async fn verify(
    store: Option<&Store>,
    manifest: &Manifest,
    mailbox: &Mailbox,
    progress: &mut Progress,
) -> VerifiedMailbox {
    let (Some(store), Some(named)) = (store, &mailbox.object) else {
        return not_exported(manifest, mailbox);
    };
    let mut count = Count::default();
    let object = match store.head(&named.key, named.version_id.as_deref()).await {
        Ok(object) => object,
        Err(trouble) => {
            find(&mut count, &trouble);
            return result(mailbox, None, None, count);
        }
    };
    if let Some(difference) = differs(named, &object) {
        count.find(FindingReason::Changed, difference);
    }
    let source = Source::Object(store.clone(), object.clone());
    let (mut count, hashes) = match scan(&source, count, true, progress).await {
        Ok(scanned) => {
            let mut count = scanned.sink;
            if let Some(damage) = scanned.damage {
                find(&mut count, &Trouble::Damaged(damage));
            }
            (count, scanned.hashes)
        }
        Err(trouble) => {
            let mut count = Count::default();
            find(&mut count, &trouble);
            return result(mailbox, Some(object), None, count);
        }
    };
    if count.log().is_none()
        && let Some(log) = store.log_beside(&named.key).await
    {
        count.take_log(log);
    }
    count.compare(mailbox.entries);
    result(mailbox, Some(object), hashes, count)
}

/// Returns how an object differs from the one that the manifest names.
fn differs(named: &Object, read: &Object) -> Option<String> {
    let Object {
        bucket: _,
        key: _,
        version_id,
        e_tag,
        bytes,
    } = named;
    let differs = |named: &Option<String>, read: &Option<String>| named.is_some() && named != read;
    if *bytes != read.bytes {
        return Some(format!(
            "The object has {} bytes, and the manifest says {bytes}.",
            read.bytes
        ));
    }
    if differs(version_id, &read.version_id) {
        return Some("The object has another version than the manifest says.".to_owned());
    }
    differs(e_tag, &read.e_tag)
        .then(|| "The object has another entity tag than the manifest says.".to_owned())
}

fn not_exported(manifest: &Manifest, mailbox: &Mailbox) -> VerifiedMailbox {
    let mut count = Count::default();
    let names = [
        Some(&mailbox.entity_id),
        mailbox.email.as_ref(),
        mailbox.display_name.as_ref(),
    ];
    let mut names = names.into_iter().flatten().chain(&mailbox.aliases);
    let waiver = manifest
        .waivers
        .iter()
        .find(|waiver| names.any(|name| *name == waiver.mailbox));
    match waiver {
        Some(waiver) => count.find(
            FindingReason::NotRequired,
            format!("Waived: {}", waiver.reason),
        ),
        None if mailbox.state == "Gone" => {
            count.find(
                FindingReason::NotRequired,
                "The mailbox left the directory before it was exported.",
            );
        }
        None => count.find(
            FindingReason::NotExported,
            "Export the mailbox: the manifest has no object for it.",
        ),
    }
    result(mailbox, None, None, count)
}

fn find(count: &mut Count, trouble: &Trouble) {
    match trouble {
        Trouble::NotFound => count.find(
            FindingReason::Missing,
            "Export the mailbox again: the object does not exist.",
        ),
        Trouble::Damaged(damage) => {
            count.find(
                FindingReason::Unreadable,
                format!("Export the mailbox again: {damage}."),
            );
        }
        Trouble::Failed(said) => {
            count.find(
                FindingReason::ReadFailed,
                format!("Check your rights to the bucket and its key: {said}."),
            );
        }
    }
}

fn result(
    mailbox: &Mailbox,
    object: Option<Object>,
    hashes: Option<Hashes>,
    count: Count,
) -> VerifiedMailbox {
    let log = count.log().cloned();
    let counts: Counts = count.counts();
    let verified = count.verified();
    let (findings, findings_total) = count.findings();
    let (sha256, sha384) = hashes.map(|hashes| (hashes.sha256, hashes.sha384)).unzip();
    VerifiedMailbox {
        entity_id: mailbox.entity_id.clone(),
        email: mailbox.email.clone(),
        object,
        verified,
        read_at: Timestamp::now(),
        sha256,
        sha384,
        counts,
        log,
        findings,
        findings_total,
    }
}
