//! `workmail-operator verify`: reads every byte of the exports that a manifest names, and writes what it found.

mod mailbox;
mod report;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use clap::Args;
use k8s_openapi::jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::signal::ctrl_c;

use super::{
    Failed,
    output::{Output, table},
    progress::{Progress, size},
    scan::hex,
    store::{ObjectName, Store, config},
};
use crate::proof::{FORMAT_VERSION, Mailbox, Manifest, Verified, VerifiedMailbox, VerifiedReport};
use report::Place;

/// How often an unfinished report is written.
const SAVE_INTERVAL: Duration = Duration::from_mins(1);

/// The flags of `verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyFlags {
    /// The manifest, as `s3://BUCKET/KEY`
    pub manifest: ObjectName,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,

    /// Where verified.json is written: a file, or `s3://BUCKET/KEY` [default: beside the manifest]
    #[arg(long)]
    pub report: Option<String>,

    /// The AWS account that owns the bucket of the manifest; the manifest names the owner of the exports
    #[arg(long)]
    pub expected_bucket_owner: Option<String>,
}

/// Verifies the exports of a manifest.
///
/// # Errors
/// Something could not be read, or is wrong.
pub async fn run(flags: &VerifyFlags) -> Result<(), Failed> {
    let config = config().await;
    let VerifyFlags {
        manifest: name,
        output,
        report,
        expected_bucket_owner,
    } = flags;
    let store = Store::open(&config, &name.bucket, expected_bucket_owner.as_deref()).await;
    let read = store.document(&name.key).await;
    let (object, json) = read.map_err(|trouble| Failed::reading(name, &trouble))?;
    let manifest = Manifest::parse(&json)?;
    let place = Place::of(report.as_deref(), name, &config, &store).await?;
    let manifest_sha256 = hex(&Sha256::digest(&json));
    drop(json);
    let mut run = Run {
        stores: BTreeMap::new(),
        known: place.unfinished(&manifest_sha256).await?,
        report: VerifiedReport {
            version: FORMAT_VERSION,
            manifest: object,
            manifest_sha256,
            verified_by: concat!("workmail-operator ", env!("CARGO_PKG_VERSION")).to_owned(),
            caller: caller(&config).await,
            started_at: Timestamp::now(),
            completed_at: None,
            verified: Verified::Unknown,
            mailboxes: Vec::new(),
        },
        place,
        config,
        saved: Instant::now(),
    };
    if let Some(known) = run.known.values().map(|mailbox| mailbox.read_at).min() {
        run.report.started_at = run.report.started_at.min(known);
    }
    // Better now than after hours of reading.
    run.save().await?;
    tokio::select! {
        done = run.mailboxes(&manifest) => done?,
        stopped = ctrl_c() => {
            stopped?;
            run.save().await?;
            return Err(Failed::Told("Run the command again to go on: it was interrupted.".to_owned()));
        }
    }
    run.end(*output).await
}

/// A run of the command.
struct Run {
    config: SdkConfig,
    stores: BTreeMap<String, Store>,
    place: Place,
    /// Mailboxes that an interrupted run has verified, by entity id.
    known: BTreeMap<String, VerifiedMailbox>,
    report: VerifiedReport,
    saved: Instant,
}

impl Run {
    async fn mailboxes(&mut self, manifest: &Manifest) -> Result<(), Failed> {
        let all = manifest.mailboxes.len();
        let bytes = |mailbox: &Mailbox| mailbox.object.as_ref().map_or(0, |object| object.bytes);
        let mut progress = Progress::new(manifest.mailboxes.iter().map(bytes).sum());
        for (number, mailbox) in manifest.mailboxes.iter().enumerate() {
            let name = mailbox.email.as_ref().unwrap_or(&mailbox.entity_id);
            progress.on(format!("{} of {all}  {name}", number + 1));
            let known = self.known.remove(&mailbox.entity_id);
            let known = known.filter(|known| mailbox::is_same(known, mailbox));
            let verified = if let Some(known) = known {
                progress.read(bytes(mailbox));
                known
            } else {
                let store = self.store(manifest, mailbox).await;
                mailbox::verify(store.as_ref(), manifest, mailbox, &mut progress).await
            };
            self.report.mailboxes.push(verified);
            if self.saved.elapsed() >= SAVE_INTERVAL {
                self.save().await?;
            }
        }
        Ok(())
    }

    async fn store(&mut self, manifest: &Manifest, mailbox: &Mailbox) -> Option<Store> {
        let bucket = &mailbox.object.as_ref()?.bucket;
        if !self.stores.contains_key(bucket) {
            let owner = manifest.destination.account_id.as_str();
            let store = Store::open(&self.config, bucket, Some(owner)).await;
            self.stores.insert(bucket.clone(), store);
        }
        self.stores.get(bucket).cloned()
    }

    async fn save(&mut self) -> Result<(), Failed> {
        self.saved = Instant::now();
        // What an interrupted run knew and this one has not come to is kept for the next.
        let mut report = self.report.clone();
        report.mailboxes.extend(self.known.values().cloned());
        self.place.write(&report).await
    }

    async fn end(mut self, output: Output) -> Result<(), Failed> {
        self.known.clear();
        let report = &mut self.report;
        report.completed_at = Some(Timestamp::now());
        report.verified =
            VerifiedReport::together(report.mailboxes.iter().map(|mailbox| mailbox.verified));
        if report.mailboxes.is_empty() {
            report.verified = Verified::Unknown;
        }
        let written = self.save().await;
        output.write(&self.report, || for_people(&self.report))?;
        written?;
        let all = self.report.mailboxes.len();
        let right = self
            .report
            .mailboxes
            .iter()
            .filter(|mailbox| mailbox.verified == Verified::True)
            .count();
        if self.report.verified == Verified::True {
            return Ok(());
        }
        Err(Failed::Told(format!(
            "{} of {all} mailboxes could not be verified; see the findings in {}.",
            all - right,
            self.place
        )))
    }
}

/// Returns the identity of the caller, if AWS STS says it: it is told, and nothing depends on it.
async fn caller(config: &SdkConfig) -> Option<String> {
    let settings = aws_sdk_sts::config::Builder::from(config)
        .retry_config(aws_config::retry::RetryConfig::disabled());
    let client = aws_sdk_sts::Client::from_conf(settings.build());
    client.get_caller_identity().send().await.ok()?.arn
}

fn for_people(report: &VerifiedReport) -> String {
    let row = |mailbox: &VerifiedMailbox| {
        let VerifiedMailbox {
            entity_id,
            email,
            object,
            verified,
            counts,
            findings,
            ..
        } = mailbox;
        let finding = findings
            .iter()
            .find(|finding| finding.reason.verified() != Verified::True)
            .or(findings.first());
        let said = finding.map_or_else(String::new, |finding| match &finding.entry {
            Some(entry) => format!("{:?}: {entry}: {}", finding.reason, finding.message),
            None => format!("{:?}: {}", finding.reason, finding.message),
        });
        vec![
            email.clone().unwrap_or_else(|| entity_id.clone()),
            verified.to_string(),
            counts.messages.to_string(),
            counts.calendars.to_string(),
            object
                .as_ref()
                .map_or_else(String::new, |object| size(object.bytes)),
            said,
        ]
    };
    let rows: Vec<_> = report.mailboxes.iter().map(row).collect();
    table(
        &[
            "mailbox",
            "verified",
            "messages",
            "calendars",
            "size",
            "finding",
        ],
        &rows,
    )
}
