//! What Argo CD and Flux say of real objects, phase by phase. The table of `docs/gitops.md` has the
//! same rows.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Config, Delay, Fault, Knobs, OrganizationChange, Rule, SeedDomain};
use workmail_operator::api::{ConditionStatus, ConditionType, Reason, WorkMailOrganization};

const PAGE: &str = include_str!("../../docs/gitops.md");

use crate::{
    adoption::{in_state, seed, theirs},
    verdicts::{Verdicts, verdicts},
    world::{World, condition, domains, id, quick, ready},
};

/// A world that looks at the list every second.
async fn watchful(knobs: Knobs) -> World {
    World::with_flags(knobs, &["--resync-interval=1s"]).await
}

fn acme() -> Value {
    json!({"alias": "acme"})
}

fn under_delete() -> Value {
    json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    })
}

/// The phases of the page, in its words.
/// As long as a phase lasts that is not to pass before it was seen.
const HOUR: Duration = Duration::from_hours(1);

const UNSEEN: &str = "Not read yet, or not since the spec changed";
const CREATING: &str = "Being created";
const ACTIVE: &str = "Active";
const PASSING: &str = "A transient fault";
const TO_MEND: &str = "A fault that needs your action";
const FOR_GOOD: &str = "Refused, failed or gone";
const SUSPENDED: &str = "Suspended";
const BESIDE: &str = "Drift under Observe, or a domain that waits for DNS";
const DELETING: &str = "Being deleted";
const BLOCKED: &str = "A deletion that is blocked";
const ENDED: &str = "After the end of the service";

/// The rows of the page's table: the phase, what Argo CD says, what Flux says.
fn rows() -> Vec<(&'static str, (&'static str, &'static str))> {
    let table = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("| Phase |"));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|row| (row[1], (row[3], row[4]))).collect()
}

#[test]
fn the_page_has_a_row_for_each_phase() {
    let phases: Vec<_> = rows().into_iter().map(|(phase, _)| phase).collect();
    let tested = [
        UNSEEN, CREATING, ACTIVE, PASSING, TO_MEND, FOR_GOOD, SUSPENDED, BESIDE, DELETING, BLOCKED,
        ENDED,
    ];
    assert_eq!(phases, tested);
}

/// Asserts that both say of the object what the page says, and that Argo CD gives this text.
fn assert_said(object: &WorkMailOrganization, phase: &str, text: &str) -> Verdicts {
    let said = verdicts([object]).remove(0);
    let row = rows().into_iter().find(|(one, _)| *one == phase).unwrap();
    assert_eq!(said.words(), row.1, "{said:#?} of {object:#?}");
    let message = &said.argo.message;
    assert!(message.contains(text), "{text:?} in {message}");
    if object.metadata.deletion_timestamp.is_none() {
        assert_eq!(said.argo, said.argo_before36);
    }
    said
}

#[tokio::test]
async fn a_fresh_object_is_in_progress_though_nobody_has_looked_at_it() {
    let world = World::without_operator(Config::default()).await;
    let object = world.create("acme", acme()).await;
    assert_eq!(ready(&object), None);
    assert_said(&object, UNSEEN, "not observed this generation");
}

#[tokio::test]
async fn on_its_way_it_is_in_progress_and_then_it_is_good_until_its_spec_changes() {
    let slow = Knobs {
        requested_for: Delay::fixed(HOUR),
        creating_for: Delay::fixed(HOUR),
        ..quick()
    };
    let mut world = watchful(slow).await;
    world.create("acme", acme()).await;
    for reason in [Reason::Requested, Reason::Creating] {
        let object = world.until_refused("acme", reason).await;
        let opening = format!("{reason}: ");
        assert_said(&object, CREATING, &opening);
        world.aws.clock().advance(HOUR);
    }
    let object = world.until_settled("acme").await;
    assert_said(&object, ACTIVE, "is Active.");

    // Nobody looks at the next generation; Ready still says what it said of this one.
    world.operator.kill();
    let object = world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    assert_eq!(ready(&object).unwrap().status, ConditionStatus::True);
    assert_said(&object, UNSEEN, "not observed this generation");
}

#[tokio::test]
async fn what_aws_refuses_for_good_is_a_failure() {
    let world = watchful(quick()).await;
    seed(&world, theirs("acme"));
    world.create("acme", acme()).await;
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_said(&object, FOR_GOOD, "AlreadyExists: ");
}

#[rstest]
#[case::a_fault_that_somebody_has_to_mend(
    Fault::error("LimitExceededException", "too many"),
    Reason::LimitExceeded,
    TO_MEND
)]
#[case::a_fault_that_passes_by_itself(Fault::throttle(), Reason::Throttled, PASSING)]
#[tokio::test]
async fn a_create_that_meets(#[case] fault: Fault, #[case] reason: Reason, #[case] phase: &str) {
    let world = watchful(quick()).await;
    world.aws.fault(Rule::on("CreateOrganization", fault));
    world.create("acme", acme()).await;
    let object = world.until_refused("acme", reason).await;
    assert_said(&object, phase, reason.as_str());
}

#[rstest]
#[case::impaired("Impaired", Reason::Impaired, TO_MEND)]
#[case::gone("Deleted", Reason::OrganizationGone, FOR_GOOD)]
#[tokio::test]
async fn an_organization_that_is_no_longer_well_is_degraded(
    #[case] state: &str,
    #[case] reason: Reason,
    #[case] phase: &str,
) {
    let world = watchful(quick()).await;
    world.create("acme", acme()).await;
    let id = id(&world.until_settled("acme").await);
    let change = OrganizationChange::state(state);
    world.aws.change_organization(&id, change).unwrap();
    let object = world.until_refused("acme", reason).await;
    assert_said(&object, phase, reason.as_str());
}

#[tokio::test]
async fn a_suspended_object_is_suspended_and_is_that_of_its_present_spec_only() {
    let mut world = watchful(quick()).await;
    let suspended =
        |object: &WorkMailOrganization| condition(object, ConditionType::Suspended).is_some();
    world
        .create("acme", json!({"alias": "acme", "suspend": true}))
        .await;
    let object = world.until("acme", "Suspended", suspended).await;
    assert_said(&object, SUSPENDED, "nothing is called in AWS");

    let suspend = |on: bool| json!({"spec": {"suspend": on}});
    world.patch("acme", suspend(false)).await;
    world.until_settled("acme").await;
    world.patch("acme", suspend(true)).await;
    let object = world.until("acme", "Suspended", suspended).await;
    assert_eq!(
        ready(&object).unwrap().status,
        ConditionStatus::True,
        "as last seen"
    );
    assert_said(&object, SUSPENDED, "nothing is called in AWS");

    world.operator.kill();
    let object = world.patch("acme", suspend(false)).await;
    assert!(suspended(&object));
    assert_said(&object, UNSEEN, "not observed this generation");
}

#[tokio::test]
async fn a_deletion_is_on_its_way_and_one_that_is_blocked_is_told() {
    let slow = Knobs {
        deleting_for: Delay::fixed(HOUR),
        ..quick()
    };
    let world = watchful(slow).await;
    world.create("acme", under_delete()).await;
    world.until_settled("acme").await;
    world
        .patch("acme", json!({"spec": {"suspend": true}}))
        .await;
    world.delete("acme").await;
    let object = world.until_refused("acme", Reason::DeletionBlocked).await;
    let said = assert_said(&object, BLOCKED, "DeletionBlocked: ");
    assert_eq!(said.argo_before36.status, "Progressing");
    assert_eq!(said.argo_before36.message, "Pending deletion");

    world
        .patch("acme", json!({"spec": {"suspend": false}}))
        .await;
    let object = world.until_refused("acme", Reason::Deleting).await;
    assert_said(&object, DELETING, "Deleting: ");
    world.aws.clock().advance(HOUR);
    world.until_gone("acme").await;
}

#[tokio::test]
async fn drift_under_observe_is_no_illness_and_told_beside_its_health() {
    let world = watchful(quick()).await;
    seed(&world, theirs("acme"));
    let spec = json!({"alias": "acme", "tags": {"team": "a"}, "adoptionPolicy": "Adopt", "managementPolicy": "Observe"});
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    assert_said(&object, BESIDE, "spec.tags[team]");
    world.assert_left_alone();
}

#[tokio::test]
async fn a_domain_that_waits_for_its_dns_is_told_beside_the_health() {
    let world = watchful(quick()).await;
    let spec = json!({"alias": "acme", "domains": domains(&["acme.example"])});
    world.create("acme", spec).await;
    world.until_pending("acme").await;
    let object = world.until_settled("acme").await;
    assert_said(&object, BESIDE, "waits for verification");
}

#[tokio::test]
async fn what_is_to_be_adopted_and_not_there_is_degraded_and_still_looked_for() {
    let world = watchful(quick()).await;
    let spec = json!({"alias": "acme", "adoptionPolicy": "Adopt"});
    world.create("acme", spec).await;
    let object = world.until_refused("acme", Reason::NotFound).await;
    assert_said(&object, TO_MEND, "NotFound: ");
    seed(
        &world,
        in_state("Active").with_domain(SeedDomain::new("acme.example")),
    );
    let object = world.until_settled("acme").await;
    assert_said(&object, ACTIVE, "is Active.");
}

#[tokio::test]
async fn after_the_end_of_the_service_nothing_is_known_of_its_health() {
    let flags = ["--end-of-service-date=2026-03-31"];
    let world = World::with_flags(quick(), &flags).await;
    world.create("acme", acme()).await;
    let object = world
        .until_ready_is("acme", ConditionStatus::Unknown, Reason::EndOfService)
        .await;
    assert_said(&object, ENDED, "ended on 2026-03-31");
}
