//! Single situations of one mailbox.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use workmail_operator::{
    api::{AttemptState, ConditionStatus, ExportState, Reason, WorkMailMailboxExportStatus},
    logic::{
        Failure, OrganizationId,
        account::{Access, Account},
        export::{
            Job, JobState, SeenJobs,
            mailbox::{Controller, Outcome},
        },
    },
};

use super::world::{Fault, JOB_TAKES, RETRY_AFTER, World};

fn reason(world: &World) -> String {
    let conditions = &world.objects["user00"].status.conditions;
    let ready = conditions.iter().find(|one| one.r#type == "Ready").unwrap();
    ready.reason.clone()
}

fn is_true(world: &World, kind: &str) -> bool {
    let conditions = &world.objects["user00"].status.conditions;
    conditions
        .iter()
        .any(|one| one.r#type == kind && one.status == ConditionStatus::True)
}

#[test]
fn a_running_export_is_not_written_and_a_completed_one_lets_its_finalizer_go() {
    let mut world = World::new(1);
    world.reconcile("user00");
    assert_eq!(world.state("user00"), Some(ExportState::Running));
    assert!(world.objects["user00"].has_finalizer);
    let before = world.objects["user00"].status.clone();
    world.pass(Duration::from_mins(1));
    world.reconcile("user00");
    assert_eq!(
        world.objects["user00"].status, before,
        "nothing has changed, and nothing is written"
    );
    world.pass(JOB_TAKES);
    world.reconcile("user00");
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
    assert!(!world.objects["user00"].has_finalizer);
    assert!(is_true(&world, "Complete") && is_true(&world, "Ready"));
    let path = world.objects["user00"].status.s3_path.clone().unwrap();
    assert_eq!(path, "mail/00000000/S-user00/1/job-0.zip");
}

/// The rule of an account whose organizations are in `region`, with these places for exports.
fn granted(region: &str, exports: &serde_json::Value) -> Access {
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": "mail"},
        "spec": {"regions": [region], "rules": [{"exports": exports}]},
    });
    let account = Account::parse(&serde_json::from_value(object).unwrap()).unwrap();
    Access::Granted {
        rule: account.rules[0].clone(),
        account: Arc::new(account),
        index: 0,
    }
}

#[test]
fn mail_goes_only_where_the_rule_of_the_account_lets_it_go() {
    let everywhere = json!({"buckets": ["*"], "prefixes": ["*"], "roles": ["*"], "kmsKeys": ["*"]});
    let without = |list: &str| {
        let mut exports = everywhere.clone();
        exports[list] = json!([]);
        granted("us-east-1", &exports)
    };
    let with = |list: &str, glob: &str| {
        let mut exports = everywhere.clone();
        exports[list] = json!([glob]);
        granted("us-east-1", &exports)
    };
    let unread = Failure::of(
        Reason::AccountNotFound,
        "Name an account.",
        "There is none.",
    );
    let refused = [
        granted("us-east-1", &json!({})),
        without("buckets"),
        without("prefixes"),
        without("roles"),
        without("kmsKeys"),
        with("buckets", "another-*"),
        granted("eu-west-1", &everywhere),
        Access::Refused(unread),
        // The role that writes is allowed, and the one that reads is not.
        with("roles", "*:role/export"),
    ];
    for access in refused {
        let mut world = World::new(1);
        world.read_role = Some("arn:aws:iam::123456789012:role/reader".to_owned());
        world.access = access.clone();
        world.reconcile("user00");
        assert_eq!(world.jobs.len(), 0, "{access:?}");
        assert!(!world.objects["user00"].has_finalizer);
        assert!(
            reason(&world).starts_with("Account"),
            "{} of {access:?}",
            reason(&world)
        );
    }
    for access in [granted("us-east-1", &everywhere), with("buckets", "*")] {
        let mut world = World::new(1);
        world.access = access;
        world.reconcile("user00");
        assert_eq!(world.state("user00"), Some(ExportState::Running));
        assert_eq!(
            world.objects["user00"].status.account.as_deref(),
            Some("mail"),
            "the account is recorded before the first call"
        );
    }
}

#[test]
fn a_rule_that_is_taken_back_stops_the_next_attempt_and_not_the_job_that_runs() {
    let everywhere = json!({"buckets": ["*"], "prefixes": ["*"], "roles": ["*"], "kmsKeys": ["*"]});
    let mut world = World::new(1);
    world.access = granted("us-east-1", &everywhere);
    world.reconcile("user00");
    world.access = granted("us-east-1", &json!({}));
    world.pass(JOB_TAKES);
    world.reconcile("user00");
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
}

#[test]
fn nothing_is_started_for_an_organization_that_is_not_ours() {
    type Change = fn(&mut World);
    let changes: [(Change, Reason); 6] = [
        (|world| world.is_owned = false, Reason::OwnershipConflict),
        (|world| world.facts.has_origin = false, Reason::NotFound),
        (
            |world| world.facts.is_full = false,
            Reason::OwnershipConflict,
        ),
        (
            |world| world.facts.is_active = false,
            Reason::OrganizationBusy,
        ),
        (
            |world| world.facts.is_deleted = true,
            Reason::OrganizationBusy,
        ),
        (|world| world.facts.is_suspended = true, Reason::Suspended),
    ];
    for (change, expected) in changes {
        let mut world = World::new(1);
        change(&mut world);
        world.reconcile("user00");
        assert_eq!(world.jobs.len(), 0);
        assert_eq!(reason(&world), expected.as_str());
        assert!(!world.objects["user00"].has_finalizer);
    }
}

#[test]
fn another_organization_behind_the_reference_is_never_exported() {
    let mut world = World::new(1);
    world.refuses = 1;
    world.reconcile("user00");
    world.facts.id = Some(OrganizationId::from("m-2"));
    world.pass(RETRY_AFTER * 2);
    world.reconcile("user00");
    assert_eq!(reason(&world), "OrganizationChanged");
    assert!(is_true(&world, "Stalled"));
    assert_eq!(world.jobs.len(), 0);
}

#[test]
fn a_job_that_aws_does_not_know_any_more_is_lost_and_one_that_only_left_the_list_goes_on() {
    let mut world = World::new(1);
    world.reconcile("user00");
    world.jobs[0].ends = super::world::at(i64::from(60 * 60 * 24 * 20));
    world.pass(Duration::from_hours(24 * 8));
    world.reconcile("user00");
    assert_eq!(world.state("user00"), Some(ExportState::Running));
    world.jobs.clear();
    world.reconcile("user00");
    let attempts = &world.objects["user00"].status.attempts;
    assert_eq!(attempts[0].state, AttemptState::Lost);
    world.settle(400);
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
}

#[test]
fn an_intent_that_is_older_than_the_list_is_not_repeated_as_the_same_attempt() {
    let mut world = World::new(1);
    world.token_lasts = Duration::from_hours(1);
    // The start is the first action after the intent.
    for step in 0..20 {
        world.faults.insert(step, Fault::LostReply);
        world.reconcile("user00");
        world.faults.clear();
        world.step = 0;
        if !world.jobs.is_empty() {
            break;
        }
    }
    let first = world.jobs[0].token.clone();
    world.pass(Duration::from_hours(24 * 8));
    world.settle(600);
    let again = world.jobs.iter().filter(|job| job.token == first).count();
    assert_eq!(again, 1);
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
}

#[test]
fn a_mailbox_that_somebody_exported_today_is_waited_for_and_not_refused() {
    let mut world = World::new(1);
    world.reconcile("user00");
    // Somebody else's job: another description.
    world.jobs[0].job.description = "by hand".to_owned();
    world.jobs[0].token = "theirs".to_owned();
    world.jobs[0].prefix = "theirs".to_owned();
    let mut world = World {
        jobs: world.jobs.clone(),
        ..World::new(1)
    };
    world.pass(Duration::from_hours(1));
    world.reconcile("user00");
    assert_eq!(reason(&world), "MailboxExportedRecently");
    assert_eq!(world.jobs.len(), 1);
    world.settle(300);
    assert_eq!(world.jobs.len(), 2);
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
}

#[test]
fn the_wait_for_a_mailbox_ends_when_it_can_be_exported_again() {
    let mut world = World::new(1);
    world.reconcile("user00");
    let job = world.jobs[0].job.clone();
    let begun = job.started_at.unwrap();
    let mut view = World::new(1).view("user00");
    for (after, state, waits) in [
        (Duration::ZERO, JobState::Completed, 60),
        (
            RETRY_AFTER.saturating_sub(Duration::from_secs(10)),
            JobState::Completed,
            10,
        ),
        (RETRY_AFTER + Duration::from_secs(10), JobState::Running, 30),
    ] {
        let now = begun + after;
        let jobs = [Job {
            state,
            ..job.clone()
        }];
        let seen = SeenJobs::of(&jobs, (&job.entity, "another"), RETRY_AFTER, now);
        view.observed.jobs = Some(Ok(seen));
        assert_eq!(
            view.until_next_attempt(now),
            Duration::from_secs(waits),
            "{after:?} after its start"
        );
    }
}

#[test]
fn a_failed_export_is_renewed_by_a_request_and_once_only() {
    let mut world = World::new(1);
    world.backoff_limit = 1;
    world.ends_as = vec![JobState::Failed, JobState::Failed];
    world.settle(300);
    assert_eq!(world.state("user00"), Some(ExportState::Failed));
    assert!(is_true(&world, "Failed") && is_true(&world, "Stalled"));
    world.pass(RETRY_AFTER * 2);
    world.reconcile("user00");
    assert_eq!(world.jobs.len(), 1, "nothing follows by itself");
    world.objects.get_mut("user00").unwrap().requested = Some("again".to_owned());
    for _ in 0..300 {
        world.reconcile("user00");
        world.pass(Duration::from_mins(10));
    }
    assert_eq!(world.jobs.len(), 2);
    assert_eq!(world.state("user00"), Some(ExportState::Failed));
    assert_eq!(world.objects["user00"].outcome, Some(Outcome::Failed));
}

#[test]
fn one_that_left_the_directory_is_gone() {
    let mut world = World::new(1);
    world.refuses = 1;
    world.reconcile("user00");
    world.is_missing = true;
    world.pass(RETRY_AFTER * 2);
    world.reconcile("user00");
    assert_eq!(world.state("user00"), Some(ExportState::Gone));
    assert_eq!(world.jobs.len(), 0);
}

fn controller(organization: Option<&str>) -> Controller {
    Controller {
        uid: "export".to_owned(),
        organization: organization.map(OrganizationId::from),
        parallelism: 10,
        is_suspended: false,
    }
}

#[test]
fn a_mailbox_export_begins_only_for_the_organization_that_its_organization_export_has_recorded() {
    for (recorded, expected) in [(Some("m-2"), "OrganizationChanged"), (None, "Suspended")] {
        let mut world = World::new(1);
        world.controller = Some(controller(recorded));
        world.settle_for(20);
        assert_eq!(reason(&world), expected);
        assert_eq!(world.jobs.len(), 0, "nothing is started");
    }
    let mut world = World::new(1);
    world.controller = Some(controller(Some("m-1")));
    world.settle(100);
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
}

#[test]
fn the_resource_of_another_organization_does_not_take_over_a_recreated_mailbox_export() {
    // The reference was changed after the organization export began: a mailbox export made now has no
    // memory of its own.
    let mut world = World::new(2);
    world.controller = Some(controller(Some("m-1")));
    world.reconcile("user00");
    world.facts.id = Some(OrganizationId::from("m-2"));
    world.settle_for(20);
    assert_eq!(world.jobs.len(), 1, "only what was begun before");
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
    assert_eq!(world.state("user01"), Some(ExportState::Queued));
}

#[test]
fn a_completed_export_stays_complete_after_the_service_has_ended_and_an_open_one_is_let_go() {
    let mut world = World::new(2);
    world.reconcile("user00");
    world.pass(JOB_TAKES);
    world.reconcile("user00");
    world.reconcile("user01");
    let complete = world.objects["user00"].status.clone();
    world.is_ended = true;
    world.reconcile("user00");
    world.reconcile("user01");
    assert_eq!(world.objects["user00"].status, complete);
    assert!(is_true(&world, "Complete"));
    assert!(!world.objects["user01"].has_finalizer);
    assert_eq!(world.objects["user01"].outcome, Some(Outcome::Ended));
}

#[test]
fn one_that_aws_does_not_know_at_the_start_uses_up_no_attempt_and_is_gone_once_two_listings_lack_it()
 {
    let mut world = World::new(1);
    world.reconcile("user00");
    world.jobs.clear();
    let mut world = World {
        is_unknown: true,
        jobs: Vec::new(),
        ..World::new(1)
    };
    // The directory still had it when the export began.
    world.objects.get_mut("user00").unwrap().status.entity_id = Some("S-user00".to_owned());
    world.settle_for(20);
    assert_eq!(reason(&world), "NotFound");
    assert_eq!(
        world.state("user00"),
        Some(ExportState::Running),
        "the attempt goes on"
    );
    assert!(world.objects["user00"].status.attempts.is_empty());
    assert!(world.listings > 0, "the directory is listed");
    world.is_missing = true;
    world.reconcile("user00");
    assert_eq!(world.state("user00"), Some(ExportState::Gone));
    assert!(world.objects["user00"].status.pending.is_none());
    assert!(!world.objects["user00"].has_finalizer);
    assert_eq!(world.jobs.len(), 0);
}

#[test]
fn a_start_is_not_repeated_while_a_job_of_somebody_else_exports_the_mailbox() {
    // The action at which the start failed without a trace.
    for step in 0..20 {
        let mut world = World::new(2);
        world.faults.insert(step, Fault::Failed);
        world.reconcile("user00");
        let is_pending = world.objects["user00"].status.pending.is_some();
        if !is_pending || !world.jobs.is_empty() {
            continue;
        }
        world.faults.clear();
        world.reconcile("user01");
        world.jobs[0].job.entity = "S-user00".to_owned();
        world.jobs[0].job.description = "by hand".to_owned();
        world.settle_for(3);
        assert_eq!(reason(&world), "MailboxExportedRecently");
        let of_it = world.jobs.iter().filter(|job| job.job.entity == "S-user00");
        assert_eq!(of_it.count(), 1, "no start was tried");
        return;
    }
    panic!("no step left a pending start");
}

#[test]
fn a_status_that_somebody_empties_while_the_job_runs_or_after_it_makes_no_second_job() {
    for waited in [0, 5, 25, 60 * 30] {
        let mut world = World::new(1);
        world.token_lasts = Duration::from_mins(1);
        world.reconcile("user00");
        world.pass(Duration::from_mins(waited));
        let object = world.objects.get_mut("user00").unwrap();
        object.status = WorkMailMailboxExportStatus::default();
        world.restart();
        world.settle(300);
        assert_eq!(world.state("user00"), Some(ExportState::Completed));
        assert_eq!(world.jobs.len(), 1, "{waited}: {:#?}", world.jobs);
        assert_eq!(world.objects["user00"].status.attempts.len(), 1);
    }
}

#[test]
fn a_running_export_whose_finalizer_somebody_removed_gets_it_back() {
    let mut world = World::new(1);
    world.reconcile("user00");
    world.objects.get_mut("user00").unwrap().has_finalizer = false;
    world.pass(Duration::from_mins(1));
    world.reconcile("user00");
    assert!(world.objects["user00"].has_finalizer);
    assert_eq!(world.jobs.len(), 1);
}
