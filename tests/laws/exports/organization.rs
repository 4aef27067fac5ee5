//! An organization export: the canary, the queue, and what becomes of mailboxes that fail, leave or appear.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use workmail_operator::{
    api::{Destination, ExportState, MailboxSelection, Reason, Verification},
    logic::{
        AccountId, Failure, ObjectKey,
        account::Access,
        export::{
            Entity, EntityKind, EntityState,
            organization::{
                Action, Answer, Child, Desired, Directory, Outcome, Read, Recorded, View, decide,
                report, to_status,
            },
        },
    },
};

use super::world::{at, organization};

/// The export and the mailbox exports that it made. A kill forgets nothing: all of it is stored.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct World {
    users: usize,
    children: Vec<Child>,
    status: workmail_operator::api::WorkMailOrganizationExportStatus,
    requested: Option<String>,
    capacity: usize,
    destination: &'static str,
    mailboxes: MailboxSelection,
    canary: Option<String>,
    is_suspended: bool,
    is_ended: bool,
    access: Access,
    /// Users with these numbers have left.
    left: BTreeSet<usize>,
    /// How often the manifest was written, or tried to.
    manifests: usize,
    is_unwritable: bool,
    /// The next read of the directory fails.
    is_unreadable: bool,
    outcome: Option<Outcome>,
}

fn destination(bucket: &str) -> Destination {
    Destination {
        bucket: bucket.to_owned(),
        prefix: "mail".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/export".to_owned(),
        kms_key_arn: "arn:aws:kms:us-east-1:123456789012:key/k".to_owned(),
        read_role_arn: None,
        bucket_account_id: None,
    }
}

fn user(n: usize) -> Entity {
    Entity {
        id: format!("S-{n:03}"),
        kind: EntityKind::User,
        name: format!("user{n:03}"),
        email: Some(format!("user{n:03}@acme.example")),
        display_name: None,
        state: EntityState::Enabled,
        disabled_at: None,
        bytes: None,
    }
}

impl World {
    fn new(users: usize) -> Self {
        Self {
            users,
            children: Vec::new(),
            status: workmail_operator::api::WorkMailOrganizationExportStatus::default(),
            requested: None,
            capacity: 10,
            destination: "archive",
            mailboxes: MailboxSelection::default(),
            canary: None,
            is_suspended: false,
            is_ended: false,
            access: Access::OperatorsOwn,
            left: BTreeSet::new(),
            manifests: 0,
            is_unwritable: false,
            is_unreadable: false,
            outcome: None,
        }
    }

    fn view(&self) -> View {
        let desired = Desired {
            object: ObjectKey {
                namespace: "mail".into(),
                name: "all".into(),
                uid: "export".into(),
            },
            generation: 1,
            organization: "acme".to_owned(),
            destination: destination(self.destination),
            mailboxes: self.mailboxes.clone(),
            canary: self.canary.clone(),
            parallelism: self.capacity,
            verification: Verification::Content,
            progress_deadline: Duration::from_hours(24),
            deadline: at(1_000_000),
            is_suspended: self.is_suspended,
            requested: self.requested.clone(),
            is_deleting: false,
        };
        let recorded = Recorded::read(&self.status);
        let mut view = View::begin(
            desired,
            recorded,
            (Some(organization()), self.access.clone()),
            self.children.clone(),
            at(0),
        );
        view.is_ended = self.is_ended;
        view
    }

    fn directory(&mut self) -> Result<Directory, Failure> {
        if std::mem::take(&mut self.is_unreadable) {
            return Err(Failure::of_read(
                Reason::ServiceUnavailable,
                "Wait.",
                "no answer",
            ));
        }
        let there = (0..self.users).filter(|n| !self.left.contains(n));
        Ok(Directory {
            entities: there.map(user).collect(),
            sized: BTreeSet::new(),
        })
    }

    /// One reconcile, which ends after `steps` at the latest, as if the process were killed there.
    fn reconcile(&mut self, mut steps: usize) {
        let mut view = self.view();
        while steps > 0 {
            steps -= 1;
            let action = decide(&view);
            let answer = match &action {
                Action::Finish(outcome) => {
                    self.write(&view, outcome);
                    self.outcome = Some(outcome.clone());
                    return;
                }
                Action::Read(Read::Account) => Answer::Account(Ok(AccountId::from("123456789012"))),
                Action::Read(Read::Ownership) => Answer::Ownership(Ok(true)),
                Action::Read(Read::Directory) => Answer::Directory(self.directory()),
                Action::Read(Read::Recent) => Answer::Recent(Ok(BTreeSet::new())),
                Action::Read(Read::Sizes(users)) => {
                    let mut directory = view.observed.directory.clone().unwrap().unwrap();
                    for entity in &mut directory.entities {
                        if users.contains(&entity.id) {
                            entity.bytes = Some(1 + entity.id.len() as u64);
                            directory.sized.insert(entity.id.clone());
                        }
                    }
                    Answer::Sizes(directory)
                }
                Action::Save => {
                    self.write(&view, &Outcome::Canary);
                    Answer::Saved
                }
                Action::Create(entity) => Answer::Created(self.create(entity)),
                Action::Manifest => {
                    self.manifests += 1;
                    let failure =
                        || Failure::of_read(Reason::AccessDenied, "Allow it.", "AWS refuses it.");
                    let written = !self.is_unwritable;
                    Answer::Manifest(written.then_some(()).ok_or_else(failure))
                }
                Action::Delete(name) => {
                    self.children.retain(|child| child.name != *name);
                    Answer::Deleted
                }
            };
            view.apply(&action, answer);
        }
    }

    fn write(&mut self, view: &View, outcome: &Outcome) {
        self.status = to_status(&report(view, outcome), &self.status, at(0));
    }

    fn create(&mut self, entity: &Entity) -> Child {
        let name = format!("{}-{}", self.destination, entity.id);
        assert!(
            !self.children.iter().any(|child| child.name == name),
            "{name} is made twice"
        );
        let has_succeeded = self.children.iter().any(Child::has_succeeded);
        let open = self.children.iter().filter(|child| child.is_open()).count();
        assert!(
            has_succeeded || open == 0,
            "the canary is alone until it has succeeded"
        );
        assert!(open < self.capacity, "none is made before a slot is near");
        let child = Child {
            name,
            entity: entity.id.clone(),
            label: entity.label().to_owned(),
            is_current: true,
            is_deleting: false,
            state: None,
            has_failed_attempt: false,
            waits: false,
            is_verifying: false,
            mark: entity.id.clone(),
            proof: None,
            is_stuck: false,
            bytes: entity.bytes,
            job: None,
            progress: 0,
            started_at: Some(at(0)),
            ended_at: None,
            ready: None,
            error: None,
        };
        self.children.push(child.clone());
        child
    }

    fn end(&mut self, at: usize, state: ExportState) {
        let Some(child) = self
            .children
            .iter_mut()
            .filter(|child| child.is_open())
            .nth(at)
        else {
            return;
        };
        child.state = Some(state);
        child.has_failed_attempt = state == ExportState::Failed;
    }

    fn reason(&self) -> &str {
        let mut conditions = self.status.conditions.iter();
        conditions
            .find(|one| one.r#type == "Ready")
            .map_or("", |ready| ready.reason.as_str())
    }
}

#[test]
fn after_a_failed_canary_nothing_is_begun_until_a_read_is_asked_for_and_then_another_goes_first() {
    let mut world = World::new(30);
    world.reconcile(100);
    let first = world.children[0].entity.clone();
    world.end(0, ExportState::Failed);
    world.reconcile(100);
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::CanaryFailed.as_str());
    assert_eq!(world.children.len(), 1);
    world.requested = Some("mended".to_owned());
    world.reconcile(100);
    world.reconcile(100);
    assert_eq!(world.children.len(), 2);
    assert_ne!(world.children[1].entity, first);
    assert_eq!(
        world.status.last_handled_reconcile_at.as_deref(),
        Some("mended")
    );
}

#[test]
fn a_changed_destination_replaces_what_has_not_succeeded() {
    let mut world = World::new(3);
    world.reconcile(100);
    world.end(0, ExportState::Failed);
    world.destination = "other";
    for child in &mut world.children {
        child.is_current = false;
    }
    world.reconcile(100);
    let names: Vec<_> = world
        .children
        .iter()
        .map(|child| child.name.as_str())
        .collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with("other-"), "{names:?}");
}

#[test]
fn complete_is_final_and_failed_is_told_with_the_mailboxes() {
    let mut world = World::new(2);
    world.reconcile(100);
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    world.end(0, ExportState::Failed);
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::ExportFailed.as_str());
    assert_eq!(world.status.failures.len(), 1);
    world.children[1].state = Some(ExportState::Completed);
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::Completed.as_str());
    let complete = world.status.clone();
    world.users = 3;
    world.reconcile(100);
    assert_eq!(world.status.completed_at, complete.completed_at);
    assert_eq!(world.children.len(), 2, "nothing more is begun");
}

#[test]
fn nothing_is_begun_for_a_name_that_nobody_has_or_for_nothing_or_for_too_many() {
    type Change = fn(&mut World);
    let changes: [(Change, Reason, &str); 5] = [
        (
            |world| world.mailboxes.include = vec!["user000".to_owned(), "bob".to_owned()],
            Reason::NotFound,
            "bob",
        ),
        (
            |world| world.canary = Some("bob".to_owned()),
            Reason::NotFound,
            "canary",
        ),
        (
            |world| world.mailboxes.exclude = vec!["user000".to_owned(), "USER001".to_owned()],
            Reason::NotFound,
            "No user or resource that is selected",
        ),
        (|world| world.users = 0, Reason::NotFound, "enable a user"),
        (
            |world| world.users = 20_001,
            Reason::InvalidParameter,
            "20001 mailboxes",
        ),
    ];
    for (change, expected, sentence) in changes {
        let mut world = World::new(2);
        change(&mut world);
        world.reconcile(1000);
        assert_eq!(world.reason(), expected.as_str());
        let ready = &world.status.conditions;
        assert!(
            ready.iter().any(|one| one.message.contains(sentence)),
            "{ready:#?}"
        );
        assert!(world.children.is_empty(), "nothing is begun");
    }
}

#[test]
fn a_user_of_the_list_who_leaves_on_the_way_holds_up_nobody_else() {
    let mut world = World::new(3);
    world.mailboxes.include = vec!["user001".to_owned(), "S-002".to_owned()];
    world.reconcile(100);
    world.end(0, ExportState::Completed);
    let first = world.children[0].entity.clone();
    world.left.insert(if first == "S-001" { 1 } else { 2 });
    world.reconcile(100);
    assert_eq!(world.children.len(), 2, "the other is exported");
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    // The list names one by a name that nobody has any more: that is told before all is said to be done.
    let expected = if first == "S-001" {
        Reason::NotFound
    } else {
        Reason::Completed
    };
    assert_eq!(world.reason(), expected.as_str());
}

#[test]
fn a_mailbox_that_the_spec_leaves_out_by_now_is_not_waited_for() {
    let mut world = World::new(3);
    world.reconcile(100);
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    world.end(0, ExportState::Failed);
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::ExportFailed.as_str());
    let mut children = world.children.iter();
    let failed = children.find(|child| child.state == Some(ExportState::Failed));
    world.mailboxes.exclude = vec![failed.unwrap().entity.clone()];
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::Completed.as_str());
    assert_eq!(world.status.done.as_deref(), Some("2/2"));
}

#[test]
fn a_request_is_not_used_up_by_a_read_that_failed() {
    let mut world = World::new(3);
    world.reconcile(100);
    world.end(0, ExportState::Failed);
    world.reconcile(100);
    world.requested = Some("mended".to_owned());
    world.is_unreadable = true;
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::ServiceUnavailable.as_str());
    assert_eq!(world.status.last_handled_reconcile_at, None);
    world.reconcile(100);
    assert_eq!(world.children.len(), 2, "another mailbox goes first");
    assert_eq!(
        world.status.last_handled_reconcile_at.as_deref(),
        Some("mended")
    );
}

#[test]
fn a_suspended_export_begins_nothing_and_counts_what_goes_on() {
    let mut world = World::new(30);
    world.reconcile(100);
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    let made = world.children.len();
    world.is_suspended = true;
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::Suspended.as_str());
    assert_eq!(world.children.len(), made, "nothing is begun");
    assert_eq!(world.status.done.as_deref(), Some("2/30"));
    world.is_suspended = false;
    world.reconcile(100);
    assert_eq!(world.children.len(), made + 1);
}

#[test]
fn a_complete_export_stays_complete_after_the_service_has_ended() {
    let mut world = World::new(1);
    world.reconcile(100);
    world.end(0, ExportState::Completed);
    world.reconcile(100);
    world.reconcile(100);
    let complete = world.status.clone();
    world.is_ended = true;
    world.reconcile(100);
    assert_eq!(world.status, complete);
    assert_eq!(world.reason(), Reason::Completed.as_str());
}

#[test]
fn what_stands_in_the_way_of_the_canary_is_said_of_the_whole_export() {
    let mut world = World::new(3);
    world.reconcile(100);
    world.children[0].state = Some(ExportState::Running);
    world.children[0].ready = Some((
        Reason::AccessDenied.as_str().to_owned(),
        "Allow workmail:StartMailboxExportJob.".to_owned(),
    ));
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::AccessDenied.as_str());
    world.children[0].ready = None;
    world.children[0].is_stuck = true;
    world.reconcile(100);
    assert_eq!(world.reason(), Reason::Stuck.as_str());
    assert_eq!(world.children.len(), 1, "nothing else is begun");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_mailbox_is_exported_however_often_the_process_is_killed(
        users in 1_usize..60,
        capacity in 1_usize..=10,
        kills in prop::collection::vec(0_usize..40, 0..30),
        order in prop::collection::vec(0_usize..10, 1..20),
        appears in 0_usize..5,
    ) {
        let mut world = World::new(users);
        world.capacity = capacity;
        let mut kills = kills.into_iter();
        for round in 0..400 {
            world.reconcile(kills.next().unwrap_or(1000));
            world.end(order[round % order.len()] % capacity, ExportState::Completed);
            world.end(0, ExportState::Completed);
            if round == 3 {
                world.users += appears;
            }
            if world.outcome == Some(Outcome::Completed) {
                break;
            }
        }
        prop_assert_eq!(world.outcome.clone(), Some(Outcome::Completed));
        let entities: BTreeSet<_> = world.children.iter().map(|child| child.entity.clone()).collect();
        prop_assert_eq!(entities.len(), world.children.len(), "none is exported twice");
        let expected = format!("{0}/{0}", world.children.len());
        prop_assert_eq!(world.status.done.clone(), Some(expected));
        prop_assert!(world.children.len() >= users);
    }
}

#[test]
fn the_canary_counts_only_once_it_is_verified() {
    let mut world = World::new(3);
    world.reconcile(usize::MAX);
    let canary = &mut world.children[0];
    canary.state = Some(ExportState::Running);
    canary.is_verifying = true;
    canary.waits = true;
    world.reconcile(usize::MAX);
    assert_eq!(world.children.len(), 1);
    assert_eq!(world.outcome, Some(Outcome::Canary));
    let verified = world.status.conditions.iter();
    let verified = verified
        .clone()
        .find(|one| one.r#type == "Verified")
        .unwrap();
    assert_eq!(verified.reason, "Verifying");
    world.children[0].is_verifying = false;
    world.children[0].waits = false;
    world.end(0, ExportState::Completed);
    world.reconcile(usize::MAX);
    assert_eq!(world.children.len(), 3);
}

/// Ends every mailbox export that is made, until nothing is left to do.
fn export_all(world: &mut World) {
    world.reconcile(usize::MAX);
    while world.children.iter().any(Child::is_open) {
        world.end(0, ExportState::Completed);
        for child in world.children.iter_mut().filter(|one| one.has_succeeded()) {
            child.mark = format!("{} Completed", child.entity);
        }
        world.reconcile(usize::MAX);
    }
}

#[test]
fn the_manifest_is_written_with_the_first_mailbox_and_at_the_end_and_not_for_each() {
    let mut world = World::new(20);
    export_all(&mut world);
    assert_eq!(world.outcome, Some(Outcome::Completed));
    // Time stands still here: 10 minutes have not passed between the two.
    assert_eq!(world.manifests, 2);
    let manifest = world.status.manifest.clone();
    assert_eq!(
        manifest.as_deref(),
        Some("s3://archive/mail/export/manifest.json")
    );
    world.reconcile(usize::MAX);
    assert_eq!(world.manifests, 2, "nothing has changed");
}

#[test]
fn a_manifest_that_cannot_be_written_holds_nothing_up_and_is_written_later() {
    let mut world = World::new(2);
    world.is_unwritable = true;
    export_all(&mut world);
    assert_eq!(world.outcome, Some(Outcome::Completed));
    assert!(world.status.completed_at.is_some());
    assert_eq!(world.status.manifest, None);
    let ready = |world: &World| {
        let mut conditions = world.status.conditions.clone().into_iter();
        conditions
            .find(|one| one.r#type == "Ready")
            .unwrap()
            .message
    };
    assert!(ready(&world).starts_with("Allow it."), "{}", ready(&world));
    world.is_unwritable = false;
    world.reconcile(usize::MAX);
    assert!(world.status.manifest.is_some());
    assert!(!ready(&world).contains("Allow it."));
}
