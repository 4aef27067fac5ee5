//! What AWS can say against a domain: the reason, what to do, and that it goes on once that is done.

use rstest::rstest;
use serde_json::json;
use workmail_local::{
    Fault, OrganizationChange, Rule, SeedDomain, SeedOrganization, SeedUser,
    Work::{self, Done, NotDone},
};
use workmail_operator::api::{Class, ConditionStatus, ConditionType, Reason, WorkMailOrganization};

use crate::world::{World, assert_not_ready, condition, domain, domains, id, managed, status};

const NAME: &str = "acme.example";

/// A world with a settled object and these domains.
async fn settled(names: &[&str]) -> (World, String) {
    let world = World::new().await;
    let spec = json!({"alias": "acme", "domains": domains(names)});
    world.create("acme", spec).await;
    let object = world.until_settled("acme").await;
    (world, id(&object))
}

/// Asserts that the trouble is told: by every condition, and by one Warning unless it passes by
/// itself.
async fn assert_told(world: &World, object: &WorkMailOrganization, reason: Reason, says: &[&str]) {
    assert_not_ready(object, reason, says);
    if reason.class() == Class::Transient {
        assert!(world.warnings("acme").await.is_empty());
    } else {
        world.until_event("acme", reason.as_str()).await;
        world.assert_warned_once("acme", reason).await;
    }
}

/// What goes wrong, what is said of it, and what to do.
#[rstest]
#[case::with_a_name(
    Fault::error("InvalidParameterException", "No such suffix."),
    Reason::DomainRefused,
    &["No such suffix", "Check the domain in spec.domains"]
)]
#[case::with_the_quota(
    Fault::error("LimitExceededException", "1000 domains."),
    Reason::LimitExceeded,
    &["1000 domains", "Remove a domain that is not needed", "higher quota"]
)]
#[case::with_the_organization(
    Fault::error("OrganizationStateException", "Busy."),
    Reason::OrganizationBusy,
    &["the operator retries automatically"]
)]
#[case::with_the_rate(Fault::throttle(), Reason::Throttled, &["more slowly"])]
#[case::with_the_service(Fault::http(503), Reason::ServiceUnavailable, &["a fault of its own"])]
#[case::with_the_rights(
    Fault::error("AccessDeniedException", "Not you."),
    Reason::AccessDenied,
    &["workmail:RegisterMailDomain", "ses"]
)]
#[case::with_a_word_nobody_knows(
    Fault::error("BrandNewException", "Not so."),
    Reason::UnexpectedError,
    &["BrandNewException: Not so"]
)]
#[tokio::test]
async fn something_is_wrong_with_the_registration(
    #[case] fault: Fault,
    #[case] reason: Reason,
    #[case] says: &[&str],
) {
    let (world, id) = settled(&[]).await;
    world.aws.fault(Rule::on("RegisterMailDomain", fault));
    world.set_domains(&[NAME]).await;
    let object = world.until_refused("acme", reason).await;
    assert_told(&world, &object, reason, says).await;
    let drift = &status(&object).drift;
    assert_eq!(drift.len(), 1, "{drift:?}");
    assert_eq!(drift[0].path, "spec.domains[acme.example]");
    assert!(world.domains_in_aws(&id).is_empty());

    world.aws.clear_faults();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert_eq!(world.effects("RegisterMailDomain").len(), 1);
    assert_eq!(managed(&object), [NAME]);
    assert_eq!(status(&object).drift, []);
    world.until_pending("acme").await;
}

#[tokio::test]
async fn a_domain_of_another_organization_is_told_and_holds_up_no_other() {
    let (world, id) = settled(&[]).await;
    let other = SeedOrganization::new("other").with_domain(SeedDomain::new("m.example"));
    let other = world.aws.seed_organization(other).unwrap();
    world
        .set_domains(&["a.example", "m.example", "z.example"])
        .await;
    let reason = Reason::DomainInUse;
    let object = world.until_refused("acme", reason).await;
    let says = [
        "m.example",
        "Remove the domain from the other organization",
        "spec.domains",
    ];
    assert_told(&world, &object, reason, &says).await;
    let told = condition(&object, ConditionType::DomainsReady).unwrap();
    assert_eq!(told.status, ConditionStatus::False);
    assert_eq!(told.reason, "DomainInUse");
    assert_eq!(world.domains_in_aws(&id), ["a.example", "z.example"]);
    assert_eq!(managed(&object), ["a.example", "z.example"]);
    assert_eq!(domain(&object, "z.example").unwrap().records.len(), 8);
    let tried = world.calls("RegisterMailDomain").len();
    assert_eq!(tried, 3, "each once");

    let free = OrganizationChange::default().remove_domain("m.example");
    world.aws.change_organization(&other.id, free).unwrap();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    assert_eq!(managed(&object).len(), 3);
    assert_eq!(world.effects("RegisterMailDomain").len(), 3);
    world.assert_warned_once("acme", reason).await;
}

#[tokio::test]
async fn a_domain_with_addresses_stays_until_they_are_gone_or_it_is_wanted_again() {
    let (world, id) = settled(&["a.example", "b.example"]).await;
    let user = SeedUser {
        email: Some("jo@a.example".into()),
        ..SeedUser::new("jo")
    };
    world.aws.seed_user(&id, user).unwrap();
    world.set_domains(&[]).await;
    let reason = Reason::DomainInUse;
    let object = world.until_refused("acme", reason).await;
    let says = [
        "a.example",
        "addresses",
        "put this one back into spec.domains",
    ];
    assert_told(&world, &object, reason, &says).await;
    assert_eq!(world.domains_in_aws(&id), ["a.example"], "b.example went");
    assert_eq!(managed(&object), ["a.example"], "and it is still ours");
    assert_eq!(status(&object).drift[0].path, "spec.domains[a.example]");

    let mark = world.aws.last_call();
    world.set_domains(&["a.example"]).await;
    world.until_settled("acme").await;
    world.until_pending("acme").await;
    assert!(world.domain_changes_after(mark).is_empty());
}

#[tokio::test]
async fn settings_in_ses_that_cannot_be_written_back_keep_the_domain_until_they_are_gone() {
    let (world, id) = settled(&[NAME]).await;
    world.change_domain(&id, SeedDomain::new(NAME).with_custom_ses());
    world.set_domains(&[]).await;
    let reason = Reason::DomainRefused;
    let object = world.until_refused("acme", reason).await;
    let says = ["InvalidCustomSesConfigurationException", "SES"];
    assert_told(&world, &object, reason, &says).await;
    assert_eq!(managed(&object), [NAME]);

    let mut plain = SeedDomain::new(NAME);
    plain.custom_ses = Some(false);
    world.change_domain(&id, plain);
    world.look_now("acme").await;
    world.until_settled("acme").await;
    assert!(world.domains_in_aws(&id).is_empty());
    world.assert_warned_once("acme", reason).await;
}

#[tokio::test]
async fn a_default_that_aws_does_not_find_verified_is_tried_again() {
    let (world, id) = settled(&[NAME]).await;
    let refusal = Fault::error("MailDomainStateException", "Not verified.");
    world
        .aws
        .fault(Rule::on("UpdateDefaultMailDomain", refusal));
    world.verify(&id, NAME);
    world
        .patch("acme", json!({"spec": {"defaultDomain": NAME}}))
        .await;
    let reason = Reason::DomainNotVerified;
    let object = world.until_refused("acme", reason).await;
    let says = [
        "MailDomainStateException",
        "Publish the records of status.domains",
    ];
    assert_told(&world, &object, reason, &says).await;
    assert_eq!(reason.class(), Class::Recoverable);
    let drift = &status(&object).drift;
    assert_eq!(drift.len(), 1, "{drift:?}");
    assert_eq!(drift[0].path, "spec.defaultDomain");

    world.aws.clear_faults();
    world.look_now("acme").await;
    world.until_settled("acme").await;
    assert_eq!(world.default_in_aws(&id), NAME);
    assert_eq!(world.effects("UpdateDefaultMailDomain").len(), 1);
    world.assert_warned_once("acme", reason).await;
}

#[tokio::test]
async fn a_default_that_cannot_be_moved_keeps_its_domain() {
    let (world, id) = settled(&[NAME]).await;
    world.verify(&id, NAME);
    let change = OrganizationChange::default().default_domain(NAME);
    world.aws.change_organization(&id, change).unwrap();
    let refusal = Fault::error("MailDomainStateException", "Not now.");
    world
        .aws
        .fault(Rule::on("UpdateDefaultMailDomain", refusal));
    world.set_domains(&[]).await;
    let object = world.until_refused("acme", Reason::DomainNotVerified).await;
    assert_eq!(managed(&object), [NAME]);
    assert!(world.asked("DeregisterMailDomain").is_empty());

    world.aws.clear_faults();
    world.look_now("acme").await;
    world.until_settled("acme").await;
    assert!(world.domains_in_aws(&id).is_empty());
}

#[tokio::test]
async fn domains_that_cannot_be_looked_at_are_not_taken_for_gone() {
    let (world, id) = settled(&[NAME]).await;
    let before = world.until_pending("acme").await;
    world
        .aws
        .fault(Rule::on("ListMailDomains", Fault::http(503)));
    world.ask_to_look("acme", "now").await;
    world.until_called("ListMailDomains", 3).await;
    let unreachable = world.get("acme").await;
    assert_eq!(status(&unreachable).conditions, status(&before).conditions);
    assert_eq!(status(&unreachable).domains, status(&before).domains);
    world.aws.clear_faults();
    world
        .until("acme", "the look is done", |object| {
            status(object).last_handled_reconcile_at.as_deref() == Some("now")
        })
        .await;
    assert!(world.domain_changes_after(0).is_empty());
    assert_eq!(world.domains_in_aws(&id), [NAME]);
}

#[rstest]
#[case::before_its_work(NotDone)]
#[case::after_its_work(Done)]
#[tokio::test]
async fn killed_during_the_registration_it_is_registered_once_and_stays_ours(#[case] work: Work) {
    let (mut world, id) = settled(&[]).await;
    world.hold("RegisterMailDomain", work);
    world.set_domains(&[NAME]).await;
    world.until_held("RegisterMailDomain").await;
    let object = world.get("acme").await;
    assert_eq!(managed(&object), [NAME], "recorded before the call");
    world.kill().await;

    world.operator.start();
    let object = world.until_settled("acme").await;
    assert_eq!(world.effects("RegisterMailDomain").len(), 1);
    assert_eq!(world.domains_in_aws(&id), [NAME]);
    assert_eq!(managed(&object), [NAME]);
    world.until_pending("acme").await;

    world.set_domains(&[]).await;
    world.until_settled("acme").await;
    assert!(
        world.domains_in_aws(&id).is_empty(),
        "it was ours to remove"
    );
}

#[rstest]
#[case::before_its_work(Fault::lost_reply_before_work())]
#[case::after_its_work(Fault::lost_reply_after_work())]
#[case::garbled_after_its_work(Fault::Garbage { work: Done })]
#[tokio::test]
async fn a_registration_whose_answer_is_lost_is_done_once_and_stays_ours(#[case] fault: Fault) {
    let (world, id) = settled(&[]).await;
    world
        .aws
        .fault(Rule::on("RegisterMailDomain", fault).times(1));
    world.set_domains(&[NAME]).await;
    let object = world.until_settled("acme").await;
    assert_eq!(world.effects("RegisterMailDomain").len(), 1);
    assert_eq!(world.domains_in_aws(&id), [NAME]);
    assert_eq!(managed(&object), [NAME]);
    assert!(world.warnings("acme").await.is_empty());
}

#[tokio::test]
async fn a_deregistration_whose_answer_is_lost_is_done_once() {
    let (world, id) = settled(&[NAME]).await;
    let lost = Fault::lost_reply_after_work();
    world
        .aws
        .fault(Rule::on("DeregisterMailDomain", lost).times(1));
    world.set_domains(&[]).await;
    let object = world.until_settled("acme").await;
    assert!(world.domains_in_aws(&id).is_empty());
    assert_eq!(managed(&object), [""; 0]);
    assert_eq!(world.calls("DeregisterMailDomain").len(), 1);
    assert_eq!(domain(&object, NAME), None);
}
