//! The operator's AWS credentials: none, another account's, not allowed, renewed.

use serde_json::json;
use workmail_local::{CallFilter, Config, Credential, Fault, Refusal, Rule, Work};
use workmail_operator::api::{Reason, WorkMailOrganization};

use crate::world::{World, assert_not_ready, id, page, quick, status};

const KEY: &str = "AKIDEXAMPLE";
const OURS: &str = "123456789012";
const OTHER_KEY: &str = "AKIDANOTHER";
const OTHERS: &str = "210987654321";

async fn world() -> World {
    let world = World::without_operator(Config::with_knobs(quick())).await;
    world
        .aws
        .seed_credential(Credential::new(OTHER_KEY, OTHERS))
        .unwrap();
    world
}

fn ours(world: &World) -> Credential {
    let credential = Credential::new(KEY, OURS);
    world.aws.seed_credential(credential.clone()).unwrap();
    credential
}

#[tokio::test]
async fn without_credentials_the_operator_is_ready_and_the_object_says_what_is_missing() {
    let mut world = world().await;
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        world.operator.set(variable, None);
    }
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;

    let object = world
        .until_refused("acme", Reason::CredentialsUnavailable)
        .await;
    assert_not_ready(
        &object,
        Reason::CredentialsUnavailable,
        &["found no AWS credentials", "IRSA or EKS Pod Identity"],
    );
    assert_eq!(status(&object).pending, None);
    let (probes, _) = world.operator.addresses().await;
    assert_eq!(page(probes, "/livez").await.unwrap().0, 200);
    assert_eq!(page(probes, "/readyz").await.unwrap().0, 200);
    world.until_event("acme", "CredentialsUnavailable").await;
    assert!(world.aws.journal().is_empty(), "nothing can be asked");

    world.operator.kill();
    world.operator.set("AWS_ACCESS_KEY_ID", Some(KEY));
    world.operator.set("AWS_SECRET_ACCESS_KEY", Some("secret"));
    world.operator.start();
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    world
        .assert_warned_once("acme", Reason::CredentialsUnavailable)
        .await;
}

/// Starts the operator anew with the credentials of another account.
fn change_account(world: &mut World, key: &str) {
    world.operator.kill();
    world.operator.set("AWS_ACCESS_KEY_ID", Some(key));
    world.operator.start();
}

async fn mismatched(world: &World) -> WorkMailOrganization {
    let object = world.until_refused("acme", Reason::AccountMismatch).await;
    assert_not_ready(&object, Reason::AccountMismatch, &[OURS, OTHERS]);
    object
}

#[tokio::test]
async fn with_another_accounts_credentials_nothing_is_called_but_their_name() {
    let mut world = world().await;
    world.operator.argument("--resync-interval=1s");
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let before = world.until_settled("acme").await;
    // The alias could be theirs, too.
    world
        .aws
        .change_knobs(|knobs| knobs.alias_scope = workmail_local::AliasScope::Account);

    change_account(&mut world, OTHER_KEY);
    let mark = world.aws.last_call();
    world.ask_to_look("acme", "now").await;
    let asked = CallFilter::on("GetCallerIdentity").account(OTHERS);
    world.until_calls(&asked, 1).await;
    // A Ready generation stays as it is for 15 minutes; a new one is refused at once.
    let object = world.get("acme").await;
    assert_eq!(status(&object).conditions, status(&before).conditions);
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    let object = mismatched(&world).await;
    assert_eq!(status(&object).observed_generation, Some(2));
    assert_eq!(id(&object), id(&before));
    assert_eq!(status(&object).account_id.as_deref(), Some(OURS));
    world
        .assert_warned_once("acme", Reason::AccountMismatch)
        .await;
    let unwanted = CallFilter::on("ListOrganizations").after(mark);
    let none = world
        .aws
        .wait_for_calls(&unwanted, 1, std::time::Duration::from_secs(3))
        .await;
    assert!(none.is_err(), "no list of another account is looked at");
    assert_eq!(world.called_after(mark), ["GetCallerIdentity"]);

    change_account(&mut world, KEY);
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    assert!(
        world
            .aws
            .calls(&CallFilter::any().account(OTHERS))
            .iter()
            .all(|call| call.operation == "GetCallerIdentity")
    );
}

#[tokio::test]
async fn with_another_accounts_credentials_nothing_is_deleted_and_nothing_is_let_go() {
    let mut world = world().await;
    world.operator.start();
    let spec = json!({
        "alias": "acme",
        "deletionPolicy": "Delete",
        "deletion": {"confirmAlias": "acme"},
    });
    world.create("acme", spec).await;
    let id = id(&world.until_settled("acme").await);

    change_account(&mut world, OTHER_KEY);
    let mark = world.aws.last_call();
    world.delete("acme").await;
    world
        .until("acme", "the deletion waits", |object| {
            object.metadata.deletion_timestamp.is_some()
                && status(object).observed_generation == object.metadata.generation
        })
        .await;
    mismatched(&world).await;
    assert_eq!(world.called_after(mark), ["GetCallerIdentity"]);
    assert_eq!(world.aws.organization(&id).unwrap().state, "Active");

    change_account(&mut world, KEY);
    world.until_gone("acme").await;
    assert_eq!(world.aws.organization(&id).unwrap().state, "Deleted");
    assert_eq!(world.calls("DeleteOrganization").len(), 1);
}

#[tokio::test]
async fn a_first_create_that_is_refused_binds_the_object_to_no_account() {
    let mut world = world().await;
    let wrong = Credential::new(OTHER_KEY, OTHERS).without("workmail:CreateOrganization");
    world.aws.seed_credential(wrong).unwrap();
    world.operator.set("AWS_ACCESS_KEY_ID", Some(OTHER_KEY));
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_refused("acme", Reason::AccessDenied).await;
    let left = status(&object);
    assert_eq!(
        (left.account_id, left.region, left.pending),
        (None, None, None)
    );

    change_account(&mut world, KEY);
    let object = world.until_settled("acme").await;
    world.assert_created_once_in_the_end(&object);
    assert_eq!(status(&object).account_id.as_deref(), Some(OURS));
    assert_eq!(world.calls("CreateOrganization").len(), 2);
}

#[tokio::test]
async fn a_first_create_that_is_refused_binds_the_object_to_no_region() {
    let mut world = world().await;
    let refused = Fault::error("LimitExceededException", "No more.");
    world
        .aws
        .fault(Rule::on("CreateOrganization", refused).times(1));
    world.operator.set("AWS_REGION", Some("eu-west-1"));
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_refused("acme", Reason::LimitExceeded).await;
    assert_eq!(status(&object).region, None);

    world.operator.kill();
    world.operator.set("AWS_REGION", Some("us-east-1"));
    world.operator.start();
    let object = world.until_settled("acme").await;
    world.assert_created_once_in_the_end(&object);
    assert_eq!(status(&object).region.as_deref(), Some("us-east-1"));
}

#[tokio::test]
async fn a_first_create_without_an_answer_binds_the_object_to_its_account() {
    let mut world = world().await;
    world.hold("CreateOrganization", Work::Done);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_held("CreateOrganization").await;
    world.aws.clear_faults();
    change_account(&mut world, OTHER_KEY);
    mismatched(&world).await;
    assert!(
        world
            .aws
            .calls(&CallFilter::on("CreateOrganization").account(OTHERS))
            .is_empty()
    );
    change_account(&mut world, KEY);
    let object = world.until_settled("acme").await;
    world.assert_created_once_in_the_end(&object);
}

#[tokio::test]
async fn the_account_is_asked_for_once_per_set_of_credentials() {
    let mut world = world().await;
    world.operator.start();
    for number in 0..5 {
        let name = format!("acme-{number}");
        world.create(&name, json!({"alias": name})).await;
    }
    for number in 0..5 {
        world.until_settled(&format!("acme-{number}")).await;
    }
    assert_eq!(world.calls("GetCallerIdentity").len(), 1);
    assert_eq!(world.effects("CreateOrganization").len(), 5);

    change_account(&mut world, OTHER_KEY);
    for number in 0..5 {
        let name = format!("acme-{number}");
        let change = json!({"spec": {"tags": {"team": "a"}}});
        world.patch(&name, change).await;
        world.until_refused(&name, Reason::AccountMismatch).await;
    }
    assert_eq!(world.calls("GetCallerIdentity").len(), 2);
}

#[tokio::test]
async fn one_who_may_not_list_creates_nothing_and_goes_on_when_allowed() {
    let mut world = world().await;
    let right = ours(&world);
    world
        .aws
        .seed_credential(right.clone().without("workmail:ListOrganizations"))
        .unwrap();
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;

    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(
        &object,
        Reason::AccessDenied,
        &[
            "not authorized to perform: workmail:ListOrganizations",
            "Allow workmail:ListOrganizations",
        ],
    );
    assert_eq!(status(&object).pending, None);
    world.until_event("acme", "AccessDenied").await;
    world.assert_left_alone();

    world.aws.seed_credential(right).unwrap();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    world.assert_warned_once("acme", Reason::AccessDenied).await;
    assert_eq!(world.calls("GetCallerIdentity").len(), 1);
}

#[rstest::rstest]
#[case::unknown(Refusal::Unrecognized)]
#[case::expired(Refusal::Expired)]
#[case::wrongly_signed(Refusal::BadSignature)]
#[tokio::test]
async fn refused_credentials_are_told_and_taken_up_when_they_are_good(#[case] refusal: Refusal) {
    let mut world = world().await;
    let right = ours(&world);
    world
        .aws
        .seed_credential(right.clone().refused(refusal))
        .unwrap();
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;

    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(
        &object,
        Reason::AccessDenied,
        &[
            "does not accept the operator's credentials",
            "GetCallerIdentity",
            "Renew the operator's credentials",
        ],
    );
    assert_eq!(status(&object).pending, None);
    world.until_event("acme", "AccessDenied").await;
    let asked: Vec<_> = world
        .aws
        .journal()
        .into_iter()
        .filter(|call| call.operation != "GetCallerIdentity")
        .collect();
    assert!(asked.is_empty(), "{asked:#?}");

    world.aws.seed_credential(right).unwrap();
    world.look_now("acme").await;
    let object = world.until_settled("acme").await;
    world.assert_created_once(&object);
    world.assert_warned_once("acme", Reason::AccessDenied).await;
}
