//! The canary: the mailbox that goes first, and what is said when it fails.

use std::collections::BTreeSet;

use super::{Action, Child, Failure, Outcome, Selection, View, decide::outcome, selection::canary};
use crate::api::{Class, Destination, ExportState, Reason};

/// The canary: nothing else is made before one has succeeded.
pub(super) fn first(view: &View, selection: &Selection) -> Action {
    let selected = &selection.entities;
    let failed: Vec<_> = view
        .current()
        .filter(|child| child.has_failed_attempt)
        .collect();
    let under_way = view.current().find(|child| {
        !child.has_failed_attempt
            && matches!(
                child.state,
                None | Some(ExportState::Queued | ExportState::Running)
            )
    });
    if let Some(child) = under_way {
        let trouble = stuck(child).or_else(|| trouble_of(child));
        return Action::Finish(trouble.unwrap_or(Outcome::Canary));
    }
    if !failed.is_empty() && !view.is_requested() {
        return Action::Finish(Outcome::CanaryFailed(canary_failed(view, &failed)));
    }
    let mut left_out: BTreeSet<_> = view
        .children
        .iter()
        .map(|child| child.entity.as_str())
        .collect();
    if let Some(Ok(recent)) = &view.observed.recent {
        left_out.extend(recent.iter().map(String::as_str));
    }
    match canary(selected, view.desired.canary.as_deref(), &left_out) {
        Some(entity) => Action::Create(entity.clone()),
        None if failed.is_empty() => {
            let made: BTreeSet<_> = view.current().map(|child| child.entity.as_str()).collect();
            // All were exported lately, or are gone: the first waits for its time.
            match selected
                .iter()
                .find(|entity| !made.contains(entity.id.as_str()))
            {
                Some(entity) => Action::Create(entity.clone()),
                None => Action::Finish(outcome(view, selection, &made)),
            }
        }
        None => Action::Finish(Outcome::CanaryFailed(canary_failed(view, &failed))),
    }
}

fn canary_failed(view: &View, failed: &[&Child]) -> Failure {
    let last = failed
        .iter()
        .max_by_key(|child| (child.started_at, &child.name));
    let (label, error) = last.map_or(("", None), |child| {
        (child.label.as_str(), child.error.as_deref())
    });
    let error = error.unwrap_or("AWS gives no reason");
    Failure::of(
        Reason::CanaryFailed,
        format!(
            "Correct the {} and change the annotation workmail-operator.dev/reconcile-requested-at, or the destination: then another mailbox goes first.",
            points_to(error, &view.desired.destination)
        ),
        format!("The export of {label} failed: {error}."),
    )
}

/// Which part of the destination AWS's text points to. The names of the destination say nothing: a bucket
/// may be called `key`.
fn points_to(error: &str, destination: &Destination) -> &'static str {
    let Destination {
        bucket,
        prefix,
        role_arn,
        kms_key_arn,
        read_role_arn: _,
        bucket_account_id: _,
    } = destination;
    let names = [kms_key_arn, role_arn, bucket, prefix];
    let error = names
        .into_iter()
        .fold(error.to_owned(), |text, name| text.replace(name, ""))
        .to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if has(&["region", "redirect"]) {
        "region of bucket and key"
    } else if has(&["encryption context", "encryptioncontext"]) {
        "key of the destination (a condition on the encryption context; with an S3 Bucket Key that is the bucket's ARN)"
    } else if has(&["kms"]) {
        "key of the destination (its policy, and the role's rights on it)"
    } else if has(&["assume", "trust"]) {
        "role of the destination (its trust policy)"
    } else if has(&["putobject", "prefix"]) {
        "prefix of the destination (the rights of the role on it)"
    } else if has(&["bucket", "public"]) {
        "bucket of the destination (that it exists and is not public)"
    } else if has(&["key"]) {
        "key of the destination (its policy, and the role's rights on it)"
    } else if has(&["role"]) {
        "role of the destination (its trust policy and its rights)"
    } else {
        "destination (role, key, bucket, prefix, region)"
    }
}

/// What stands in the way of the canary, and with it of all others.
fn trouble_of(child: &Child) -> Option<Outcome> {
    let (word, message) = child.ready.as_ref()?;
    let mut reasons = Reason::ALL.iter();
    let reason = reasons.find(|reason| reason.as_str() == word)?;
    let stops = matches!(reason.class(), Class::Terminal | Class::Recoverable);
    stops.then(|| {
        let next = format!(
            "See WorkMailMailboxExport {}, which goes first.",
            child.name
        );
        Outcome::Trouble(Failure::of(*reason, next, message.clone()))
    })
}

/// What is said of a job that makes no progress.
pub(super) fn stuck(child: &Child) -> Option<Outcome> {
    child.is_stuck.then(|| {
        Outcome::Stuck(Failure::of(
            Reason::Stuck,
            format!(
                "Look at the job of {} in the WorkMail console, and cancel it there if it hangs.",
                child.label
            ),
            "It has made no progress for longer than progressDeadline. The other mailboxes go on.",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_failure_points_to_the_part_of_the_destination_that_is_wrong() {
        let destination = Destination {
            bucket: "key-region-role".to_owned(),
            prefix: "assume/kms".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/region".to_owned(),
            kms_key_arn: "arn:aws:kms:us-east-1:123456789012:key/region".to_owned(),
            read_role_arn: None,
            bucket_account_id: None,
        };
        let Destination {
            bucket,
            prefix,
            role_arn,
            kms_key_arn,
            ..
        } = &destination;
        let denied = format!("The role {role_arn} is not authorized to perform:");
        let texts = [
            (
                format!("{denied} kms:GenerateDataKey on resource: {kms_key_arn}"),
                "key of the destination (its policy",
            ),
            (
                format!(
                    "{denied} kms:Decrypt on {kms_key_arn} with the encryption context aws:s3:arn = arn:aws:s3:::{bucket}"
                ),
                "key of the destination (a condition on the encryption context",
            ),
            (
                format!(
                    "User is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
                ),
                "role of the destination (its trust policy)",
            ),
            (
                format!("{denied} s3:PutObject on resource: arn:aws:s3:::{bucket}/{prefix}"),
                "prefix of the destination",
            ),
            (
                format!("The specified bucket does not exist: {bucket} (NoSuchBucket)"),
                "bucket of the destination",
            ),
            (
                format!("The bucket {bucket} allows public access."),
                "bucket of the destination",
            ),
            (
                format!("The bucket {bucket} and the key {kms_key_arn} must be in one region."),
                "region of bucket and key",
            ),
            ("It failed.".to_owned(), "destination (role, key, bucket"),
        ];
        for (text, expected) in texts {
            let part = points_to(&text, &destination);
            assert!(part.starts_with(expected), "{text}: {part}");
        }
    }
}
