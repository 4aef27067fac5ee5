//! Who is missing, and what the sweep remembers.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn at() -> Timestamp {
    "2027-03-01T00:00:00Z".parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    at() - SignedDuration::from_hours(hours)
}

fn user(id: &str) -> Entity {
    Entity {
        id: id.to_owned(),
        kind: EntityKind::User,
        name: format!("name-of-{id}"),
        email: Some(format!("{id}@acme.example")),
        display_name: None,
        state: EntityState::Enabled,
        disabled_at: None,
        bytes: None,
    }
}

fn export(of: &str) -> Export {
    Export {
        name: format!("export-of-{of}"),
        uid: format!("uid-{of}"),
        controller: None,
        mailbox: of.to_owned(),
        entity: Some(of.to_owned()),
        email: Some(format!("{of}@acme.example")),
        state: Some(ExportState::Completed),
        job: Some(format!("job-{of}")),
        started_at: Some(hours_ago(10)),
        is_verified: true,
        is_leaving: false,
        bytes: Some(1_000_000),
        destination: Destination {
            bucket: "archive".to_owned(),
            prefix: "mail".to_owned(),
            role_arn: "role".to_owned(),
            kms_key_arn: "key".to_owned(),
            read_role_arn: None,
            bucket_account_id: None,
        },
        object: Some(Object {
            key: format!("mail/{of}.zip"),
            version: None,
            e_tag: None,
            bytes: None,
        }),
    }
}

fn reading(mailboxes: Vec<Entity>, exports: Vec<Export>) -> Reading {
    Reading {
        at: at(),
        exports,
        going_on: Vec::new(),
        mailboxes: Some(mailboxes),
        is_fresh: false,
    }
}

/// Everything that is asked for is found as it was.
fn as_it_was(checks: &[Check]) -> Checks {
    let found = |check: &Check| {
        let bytes = check.user.as_ref().and(check.export.bytes);
        let found = Found::AsItWas { bytes };
        (check.id.clone(), Checked { at: at(), found })
    };
    checks.iter().map(found).collect()
}

/// The verdict once the sweep has found everything as it was.
fn verdict(rule: &Rule, reading: &Reading) -> Verdict {
    match judge(rule, reading, None, &Checks::new()) {
        Verdict::Unchecked(checks) => judge(rule, reading, None, &as_it_was(&checks)),
        verdict @ (Verdict::Open(_) | Verdict::Blocked { .. } | Verdict::Unknown) => verdict,
    }
}

fn missing(rule: &Rule, reading: &Reading) -> Vec<String> {
    match verdict(rule, reading) {
        Verdict::Blocked { missing, .. } => missing.iter().map(ToString::to_string).collect(),
        verdict @ (Verdict::Open(_) | Verdict::Unchecked(_) | Verdict::Unknown) => {
            panic!("{verdict:?}")
        }
    }
}

fn is_open(rule: &Rule, reading: &Reading) -> bool {
    matches!(verdict(rule, reading), Verdict::Open(_))
}

#[test]
fn with_every_mailbox_exported_and_checked_the_organization_may_be_deleted() {
    let reading = reading(vec![user("a"), user("b")], vec![export("a"), export("b")]);
    let Verdict::Open(rows) = verdict(&Rule::default(), &reading) else {
        panic!("{:?}", verdict(&Rule::default(), &reading));
    };
    assert_eq!(rows.len(), 2);
}

#[test]
fn nothing_is_open_before_the_sweep_and_without_a_read_of_the_directory() {
    let mut reading = reading(vec![user("a")], vec![export("a")]);
    let rule = Rule::default();
    let verdict = judge(&rule, &reading, None, &Checks::new());
    assert!(matches!(verdict, Verdict::Unchecked(ref checks) if checks.len() == 1));
    reading.mailboxes = None;
    assert_eq!(
        judge(&rule, &reading, None, &Checks::new()),
        Verdict::Unknown
    );
}

type Spoil = fn(&mut Export);

#[rstest]
#[case::too_old(|one: &mut Export| one.started_at = Some(hours_ago(721)), "TooOld")]
#[case::unknown_start(|one: &mut Export| one.started_at = None, "TooOld")]
#[case::not_verified(|one: &mut Export| one.is_verified = false, "NotVerified")]
#[case::no_object(|one: &mut Export| one.object = None, "ObjectMissing")]
#[case::failed(|one: &mut Export| one.state = Some(ExportState::Failed), "ExportFailed")]
#[case::cancelled(|one: &mut Export| one.state = Some(ExportState::Cancelled), "ExportFailed")]
#[case::leaving(|one: &mut Export| one.is_leaving = true, "NoExport")]
#[case::size_unknown(|one: &mut Export| one.bytes = None, "SizeUnknown")]
fn an_export_that_proves_nothing_leaves_its_mailbox_missing(
    #[case] spoil: Spoil,
    #[case] why: &str,
) {
    let mut spoilt = export("b");
    spoil(&mut spoilt);
    let reading = reading(vec![user("a"), user("b")], vec![export("a"), spoilt]);
    assert_eq!(
        missing(&Rule::default(), &reading),
        [format!("b@acme.example ({why})")]
    );
}

#[test]
fn an_export_from_before_the_cut_over_does_not_count_and_a_later_one_does() {
    let rule = Rule {
        not_before: Some(hours_ago(5)),
        ..Rule::default()
    };
    let mut later = export("a");
    later.uid = "later".to_owned();
    later.started_at = Some(hours_ago(5));
    let mut reading = reading(vec![user("a")], vec![export("a")]);
    assert_eq!(
        missing(&rule, &reading),
        ["a@acme.example (BeforeNotBefore)"]
    );
    reading.exports.push(later);
    assert!(is_open(&rule, &reading));
}

#[test]
fn an_older_export_counts_where_the_latest_does_not() {
    let mut latest = export("a");
    latest.uid = "latest".to_owned();
    latest.started_at = Some(hours_ago(1));
    latest.is_verified = false;
    let both = reading(vec![user("a")], vec![latest, export("a")]);
    assert!(is_open(&Rule::default(), &both));
}

#[test]
fn an_empty_directory_blocks() {
    let Verdict::Blocked { counted, missing } = verdict(&Rule::default(), &reading(vec![], vec![]))
    else {
        panic!("it is open");
    };
    assert_eq!((counted, missing.len()), (0, 0));
}

#[test]
fn that_everybody_is_deregistered_opens_nothing() {
    let mut disabled = user("a");
    disabled.state = EntityState::Disabled;
    disabled.disabled_at = Some(hours_ago(1));
    let just_disabled = reading(vec![disabled.clone()], vec![]);
    assert_eq!(
        missing(&Rule::default(), &just_disabled),
        ["a@acme.example (NoExport)"]
    );
    // AWS has lost the mail of this one, and exports name it all the same.
    disabled.disabled_at = Some(hours_ago(31 * 24));
    let mut failed = export("a");
    failed.state = Some(ExportState::Failed);
    let named = reading(vec![disabled.clone()], vec![failed.clone()]);
    assert_eq!(
        missing(&Rule::default(), &named),
        ["a@acme.example (ExportFailed)"]
    );
    // It was removed from the directory, and nobody has found that it is gone.
    let removed = reading(vec![], vec![failed]);
    assert_eq!(
        missing(&Rule::default(), &removed),
        ["a@acme.example (ExportFailed)"]
    );
}

#[test]
fn who_never_had_mail_who_lost_it_long_ago_and_who_is_gone_do_not_count() {
    let mut never = user("never");
    never.state = EntityState::Disabled;
    let mut lost = user("lost");
    lost.state = EntityState::Disabled;
    lost.disabled_at = Some(hours_ago(31 * 24));
    let mut gone = export("gone");
    gone.state = Some(ExportState::Gone);
    let all = reading(
        vec![never, lost, user("a")],
        vec![gone.clone(), export("a"), export("gone")],
    );
    assert!(is_open(&Rule::default(), &all));
    // One that is in the directory is not gone, whatever an export has found before.
    let mut back = all;
    back.mailboxes.as_mut().unwrap().push(user("gone"));
    back.exports = vec![gone, export("a")];
    assert_eq!(
        missing(&Rule::default(), &back),
        ["gone@acme.example (NoExport)"]
    );
}

#[rstest]
#[case("b")]
#[case("B@acme.example")]
#[case("name-of-b")]
fn a_waived_mailbox_needs_no_export_and_its_reason_is_kept(#[case] mailbox: &str) {
    let rule = Rule {
        waivers: vec![Waiver {
            mailbox: mailbox.to_owned(),
            reason: "a test account".to_owned(),
        }],
        ..Rule::default()
    };
    let reading = reading(vec![user("a"), user("b")], vec![export("a")]);
    let Verdict::Open(rows) = verdict(&rule, &reading) else {
        panic!("{:?}", verdict(&rule, &reading));
    };
    let waived = rows.iter().find(|row| row.id == "b").unwrap();
    assert_eq!(waived.by, Err("a test account".to_owned()));
    assert_eq!(
        missing(&Rule::default(), &reading),
        ["b@acme.example (NoExport)"]
    );
}

#[test]
fn where_the_account_requires_exports_a_resource_makes_the_rule_stricter_and_never_laxer() {
    let lax = Rule {
        max_age: Duration::from_hours(9000),
        verified: false,
        max_growth: u64::MAX,
        waivers: vec![Waiver {
            mailbox: "a".to_owned(),
            reason: "no".to_owned(),
        }],
        ..Rule::default()
    };
    assert_eq!(Rule::of_account(Some(&lax)), Rule::default());
    assert_eq!(Rule::of_account(None), Rule::default());
    let strict = Rule {
        not_before: Some(hours_ago(1)),
        max_age: Duration::from_hours(1),
        max_growth: 0,
        ..Rule::default()
    };
    assert_eq!(Rule::of_account(Some(&strict)), strict);
}

fn checks_of(reading: &Reading) -> Vec<Check> {
    match judge(&Rule::default(), reading, None, &Checks::new()) {
        Verdict::Unchecked(checks) => checks,
        verdict @ (Verdict::Open(_) | Verdict::Blocked { .. } | Verdict::Unknown) => {
            panic!("{verdict:?}")
        }
    }
}

#[rstest]
#[case(Found::Missing, "ObjectMissing")]
#[case(Found::Changed, "ObjectChanged")]
#[case(Found::Unread, "Unread")]
#[case(Found::AsItWas { bytes: Some(1_000_000 + 1024 * 1024 + 1) }, "MailSinceExport")]
#[case(Found::AsItWas { bytes: None }, "SizeUnknown")]
fn what_the_sweep_finds_wrong_blocks(#[case] found: Found, #[case] why: &str) {
    let reading = reading(vec![user("a"), user("b")], vec![export("a"), export("b")]);
    let checks = checks_of(&reading);
    let mut all = as_it_was(&checks);
    all.insert(checks[1].id.clone(), Checked { at: at(), found });
    let verdict = judge(&Rule::default(), &reading, None, &all);
    let Verdict::Blocked { counted, missing } = verdict else {
        panic!("{verdict:?}");
    };
    let told: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        (counted, told),
        (2, vec![format!("b@acme.example ({why})")])
    );
}

#[test]
fn a_mailbox_may_grow_by_as_much_as_the_rule_says_and_others_are_not_asked_for_their_size() {
    let mut disabled = user("b");
    disabled.state = EntityState::Disabled;
    disabled.disabled_at = Some(hours_ago(1));
    let mut room = user("c");
    room.kind = EntityKind::Resource;
    let reading = reading(
        vec![user("a"), disabled, room],
        vec![export("a"), export("b"), export("c")],
    );
    let checks = checks_of(&reading);
    let sized: Vec<_> = checks
        .iter()
        .filter_map(|check| check.user.clone())
        .collect();
    assert_eq!(sized, ["a"]);
    let mut all = as_it_was(&checks);
    let grown = Found::AsItWas {
        bytes: Some(1_000_000 + 1024 * 1024),
    };
    all.insert(
        CheckId("uid-a/job-a".to_owned()),
        Checked {
            at: at(),
            found: grown,
        },
    );
    let verdict = judge(&Rule::default(), &reading, None, &all);
    assert!(matches!(verdict, Verdict::Open(_)), "{verdict:?}");
}

#[test]
fn what_was_checked_more_than_an_hour_ago_is_checked_again() {
    let reading = reading(vec![user("a")], vec![export("a")]);
    let checks = checks_of(&reading);
    let rule = Rule::default();
    let mut all = as_it_was(&checks);
    for checked in all.values_mut() {
        checked.at = hours_ago(1) - SignedDuration::from_secs(1);
    }
    let verdict = judge(&rule, &reading, None, &all);
    assert!(matches!(verdict, Verdict::Unchecked(_)), "{verdict:?}");
    let sweep = Sweep::after(None, &checks, &as_it_was(&checks), &rule, at()).unwrap();
    let later = at() + SignedDuration::from_secs(3601);
    assert_eq!(sweep.covers(&checks, &rule, at()), 1);
    assert_eq!(sweep.covers(&checks, &rule, later), 0);
}

#[test]
fn a_restart_goes_on_where_the_sweep_was_and_later_exports_change_nothing_of_that() {
    let names = ["a", "b", "c", "d"];
    let mut exports: Vec<_> = names.map(export).to_vec();
    let users: Vec<_> = names.map(user).to_vec();
    let all = reading(users, exports.clone());
    let checks = checks_of(&all);
    let rule = Rule::default();
    let half = as_it_was(&checks[..2]);
    let sweep = Sweep::after(None, &checks, &half, &rule, at()).unwrap();
    assert_eq!((sweep.count, sweep.since), (2, at()));
    // The process has forgotten everything.
    let rest = as_it_was(&checks[2..]);
    let verdict = judge(&rule, &all, Some(&sweep), &rest);
    assert!(matches!(verdict, Verdict::Open(_)), "{verdict:?}");
    // One that was not checked yet is exported anew: the others stay checked.
    exports[3].job = Some("job-e".to_owned());
    exports[3].started_at = Some(hours_ago(1));
    let anew = checks_of(&reading(names.map(user).to_vec(), exports.clone()));
    assert_eq!(sweep.covers(&anew, &rule, at()), 2);
    // One that was checked is another now.
    exports[0].job = Some("job-f".to_owned());
    let anew = checks_of(&reading(names.map(user).to_vec(), exports));
    assert_eq!(sweep.covers(&anew, &rule, at()), 0);
    let stricter = Rule {
        max_growth: 1,
        ..rule
    };
    assert_eq!(sweep.covers(&checks, &stricter, at()), 0);
}

#[test]
fn the_sweep_remembers_nothing_that_was_found_wrong() {
    let reading = reading(vec![user("a"), user("b")], vec![export("a"), export("b")]);
    let checks = checks_of(&reading);
    let rule = Rule::default();
    let mut all = as_it_was(&checks);
    let wrong = Checked {
        at: at(),
        found: Found::Missing,
    };
    all.insert(checks[0].id.clone(), wrong);
    assert_eq!(Sweep::after(None, &checks, &all, &rule, at()), None);
}

#[test]
fn an_export_that_is_not_at_its_end_is_named() {
    let mut running = export("a");
    running.state = Some(ExportState::Running);
    let mut fresh = export("b");
    fresh.state = None;
    let mut all = reading(vec![], vec![running, fresh, export("c")]);
    all.going_on.push("all".to_owned());
    assert_eq!(all.running(), ["export-of-a", "export-of-b", "all"]);
}

prop_compose! {
    fn entities()(
        states in prop::collection::vec((0..3u8, 0..800i64, any::<bool>()), 0..8)
    ) -> Vec<Entity> {
        states.into_iter().enumerate().map(|(n, (state, hours, is_user))| Entity {
            state: [EntityState::Enabled, EntityState::Disabled, EntityState::Deleted][usize::from(state)],
            disabled_at: (state == 1).then(|| hours_ago(hours)),
            kind: if is_user { EntityKind::User } else { EntityKind::Resource },
            ..user(&n.to_string())
        }).collect()
    }
}

prop_compose! {
    fn exports()(
        all in prop::collection::vec((0..8u8, 0..7u8, 0..800i64, any::<bool>(), any::<bool>()), 0..12)
    ) -> Vec<Export> {
        let states = [
            None, Some(ExportState::Queued), Some(ExportState::Failed), Some(ExportState::Gone),
            Some(ExportState::Completed), Some(ExportState::Completed), Some(ExportState::Completed),
        ];
        all.into_iter().enumerate().map(|(n, (of, state, hours, verified, found))| Export {
            uid: n.to_string(),
            state: states[usize::from(state)],
            started_at: Some(hours_ago(hours)),
            is_verified: verified,
            entity: found.then(|| of.to_string()),
            ..export(&of.to_string())
        }).collect()
    }
}

proptest! {
    /// The gate opens only where each user and resource with mail has an export of its own that is
    /// completed, verified and young, and every one of them was checked.
    #[test]
    fn it_opens_only_where_nothing_is_missing(
        entities in entities(), exports in exports(), checked in any::<u16>(),
    ) {
        let reading = reading(entities.clone(), exports.clone());
        let rule = Rule::default();
        let checks = match judge(&rule, &reading, None, &Checks::new()) {
            Verdict::Unchecked(checks) => checks,
            verdict @ (Verdict::Open(_) | Verdict::Blocked { .. } | Verdict::Unknown) => {
                prop_assert!(!matches!(verdict, Verdict::Open(_)));
                return Ok(());
            }
        };
        let done = checks.iter().enumerate().filter(|(n, _)| checked >> n & 1 == 1);
        let done: Vec<_> = done.map(|(_, check)| check.clone()).collect();
        let found = as_it_was(&done);
        let sweep = Sweep::after(None, &checks, &found, &rule, at());
        let verdict = judge(&rule, &reading, sweep.as_ref(), &found);
        if done.len() < checks.len() {
            prop_assert!(matches!(verdict, Verdict::Unchecked(_)), "{verdict:?}");
            return Ok(());
        }
        let Verdict::Open(_) = verdict else {
            return Err(TestCaseError::fail(format!("{verdict:?}")));
        };
        for entity in entities.iter().filter(|one| one.state == EntityState::Enabled) {
            let proof = exports.iter().find(|export| {
                export.mailbox == entity.id
                    && export.state == Some(ExportState::Completed)
                    && export.is_verified
                    && export.started_at > Some(hours_ago(721))
            });
            prop_assert!(proof.is_some(), "{entity:?}");
        }
    }
}
