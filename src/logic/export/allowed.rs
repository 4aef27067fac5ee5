//! What the rule of an account says about where mail may go.

use super::{Failure, Region, text};
use crate::{
    api::{Destination, Reason, RuleExports},
    logic::account::{Access, Account, matches_glob},
};

/// As many entries of a list are named.
const NAMED: usize = 5;

/// Returns why an organization of this region may not be exported to this destination; `None`: it may.
/// Whoever can export can read everybody's mail, so that an empty list allows nothing.
#[must_use]
pub fn forbidden(access: &Access, region: &Region, destination: &Destination) -> Option<Failure> {
    let (account, index, rule) = match access {
        Access::OperatorsOwn => return None,
        Access::Refused(failure) => return Some(failure.clone()),
        Access::Granted { .. } => access.granted()?,
    };
    if !account.regions.contains(region.as_str()) {
        let allowed: Vec<&str> = account.regions.iter().map(String::as_str).collect();
        return Some(Failure::of(
            Reason::AccountNotAllowed,
            format!(
                "Have WorkMailAccount {} allow region {region}.",
                account.name
            ),
            format!("Its spec.regions allows {}.", allowed.join(", ")),
        ));
    }
    let RuleExports {
        buckets,
        prefixes,
        roles,
        kms_keys,
    } = &rule.exports;
    let Destination {
        bucket,
        prefix,
        role_arn,
        kms_key_arn,
        read_role_arn,
        bucket_account_id: _,
    } = destination;
    let reader = read_role_arn.as_ref();
    [
        ("bucket", bucket, "buckets", buckets),
        ("prefix", prefix, "prefixes", prefixes),
        ("roleArn", role_arn, "roles", roles),
        ("kmsKeyArn", kms_key_arn, "kmsKeys", kms_keys),
    ]
    .into_iter()
    .chain(reader.map(|role| ("readRoleArn", role, "roles", roles)))
    .find(|(_, value, _, globs)| !globs.iter().any(|glob| matches_glob(glob, value)))
    .map(|(field, value, list, globs)| not_allowed(account, index, (field, value), (list, globs)))
}

/// Returns why nothing is read by this role: it is that of a `WorkMailAccount`, and so may do all that the
/// operator may do there.
#[must_use]
pub fn reads_as_account(role: &str) -> Failure {
    Failure::of(
        Reason::DestinationRefused,
        "Create an export with another readRoleArn, or none.",
        format!("{role} is the role of a WorkMailAccount, which can do more than read exports."),
    )
}

fn not_allowed(
    account: &Account,
    index: usize,
    (field, value): (&str, &str),
    (list, globs): (&str, &[String]),
) -> Failure {
    let globs: Vec<&str> = globs.iter().map(String::as_str).collect();
    let allowed = if globs.is_empty() {
        "none".to_owned()
    } else {
        text::first(&globs, NAMED)
    };
    Failure::of(
        Reason::AccountNotAllowed,
        format!(
            "Have WorkMailAccount {} allow the destination, or create an export to another one.",
            account.name
        ),
        format!(
            "Its rule does not allow {field} {value} (spec.rules[{index}].exports.{list}, allowed: {allowed})."
        ),
    )
}
