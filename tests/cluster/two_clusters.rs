//! Two clusters and one account: an organization has one owner, and changes hands when it is given.

use kube::ResourceExt;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_local::{Call, CallFilter, Config, Fault, OrganizationView, Rule, SeedOrganization};
use workmail_operator::api::{Origin, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, TAKE_OVER};

use crate::{
    adoption::{adopt, assert_not_taken, seed, theirs},
    namespaces::two_namespaces,
    world::{World, assert_not_ready, id, quick, ready, status},
};

/// Two clusters, blue and green, whose calls are told apart by their access keys.
pub async fn clusters() -> [World; 2] {
    let blue = World::without_operator(Config::with_knobs(quick())).await;
    let green = blue.beside().await;
    let mut clusters = [blue, green];
    for (world, name) in clusters.iter_mut().zip(["blue", "green"]) {
        start(world, name);
    }
    clusters
}

fn start(world: &mut World, cluster: &str) {
    world
        .operator
        .argument(&format!("--cluster-name={cluster}"));
    world.operator.set("AWS_ACCESS_KEY_ID", Some(cluster));
    world.operator.start();
}

/// The calls of a cluster that may change something in AWS.
pub fn changes_by(world: &World, cluster: &str) -> Vec<Call> {
    let mut calls = world.aws.journal();
    calls.retain(|call| {
        let reads = ["Get", "List", "Describe"];
        call.access_key.as_deref() == Some(cluster)
            && !reads.iter().any(|verb| call.operation.starts_with(verb))
    });
    calls
}

/// The object `acme` of that world, as an owner.
pub fn owner(world: &World, cluster: &str) -> String {
    format!("{cluster}/{}/acme", world.namespace)
}

/// An organization that tags give to somebody.
fn tagged(cluster: &str, namespace: &str, name: &str) -> SeedOrganization {
    let tags = [
        (TAG_CLUSTER, cluster),
        (TAG_NAMESPACE, namespace),
        (TAG_NAME, name),
    ];
    SeedOrganization {
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..theirs("acme")
    }
}

/// Consents to take the organization over from this owner.
pub async fn annotate(world: &World, value: &str) {
    let annotation = json!({"metadata": {"annotations": {TAKE_OVER: value}}});
    world.patch("acme", annotation).await;
}

/// Waits until the organization is this cluster's.
pub async fn until_owned(world: &World, theirs: &OrganizationView) {
    let object = world.until_settled("acme").await;
    assert_eq!(id(&object), theirs.id);
    assert_eq!(status(&object).origin, Some(Origin::Adopted));
    world.assert_tagged(&world.aws.organization(&theirs.id).unwrap(), &object);
}

#[tokio::test]
async fn of_two_that_claim_it_at_once_one_gets_it_and_the_other_lets_go() {
    let worlds = clusters().await;
    let theirs = seed(&worlds[0], theirs("acme"));
    // Each has seen that it is nobody's before the other has written.
    let both = Rule::on("TagResource", Fault::hang()).times(2);
    worlds[0].aws.fault(both);
    let mut spec = adopt();
    spec["tags"] = json!({"team": "mail"});
    for world in &worlds {
        world.create("acme", spec.clone()).await;
    }
    let held = CallFilter::on("TagResource").in_flight();
    worlds[0].until_calls(&held, 2).await;
    worlds[0].aws.clear_faults();

    let written = CallFilter::on("TagResource").with_effect();
    worlds[0].until_calls(&written, 2).await;
    let winner = worlds[0].aws.organization(&theirs.id).unwrap().tags[TAG_CLUSTER].clone();
    let [blue, green] = &worlds;
    let (won, lost, loser) = match winner.as_str() {
        "blue" => (blue, green, "green"),
        _ => (green, blue, "blue"),
    };
    let object = lost.until_refused("acme", Reason::OwnershipConflict).await;
    assert_not_ready(
        &object,
        Reason::OwnershipConflict,
        &[&theirs.id, &owner(won, &winner)],
    );
    until_owned(won, &theirs).await;
    let object = lost.look_now("acme").await;
    assert_not_ready(&object, Reason::OwnershipConflict, &[]);
    assert_not_taken(&object);
    let calls = changes_by(lost, loser);
    assert_eq!(calls.len(), 1, "its claim, and nothing else: {calls:#?}");
    lost.assert_warned_once("acme", Reason::OwnershipConflict)
        .await;
    assert!(!lost.events("acme").await.contains(&"Adopted".to_owned()));
    assert!(won.warnings("acme").await.is_empty());
    won.look_now("acme").await;
    until_owned(won, &theirs).await;
}

#[rstest]
#[case::that_adopts(adopt())]
#[case::that_may_only_create(json!({"alias": "acme"}))]
#[tokio::test]
async fn it_is_let_go_found_again_and_taken_over_by_another_cluster(#[case] spec: Value) {
    let [blue, green] = clusters().await;
    let theirs = seed(&blue, theirs("acme"));
    blue.create("acme", adopt()).await;
    until_owned(&blue, &theirs).await;
    let calls = blue.mutating_calls();
    blue.delete("acme").await;
    blue.until_gone("acme").await;
    blue.until_told("acme", "Retained", &theirs.id).await;
    blue.create("acme", json!({"alias": "acme"})).await;
    until_owned(&blue, &theirs).await;
    assert_eq!(blue.mutating_calls(), calls, "it was found by its tags");

    green.create("acme", spec).await;
    let object = green.until_refused("acme", Reason::OwnershipConflict).await;
    let present = owner(&blue, "blue");
    let annotation = format!("{TAKE_OVER}={present}");
    assert_not_ready(&object, Reason::OwnershipConflict, &[&annotation]);
    for wrong in [
        "",
        "blue",
        &present.to_uppercase(),
        &format!("{present}/"),
        &format!("{present} "),
        &owner(&green, "blue"),
    ] {
        annotate(&green, wrong).await;
        let object = green.look_now("acme").await;
        assert_not_ready(&object, Reason::OwnershipConflict, &[&present]);
        assert_not_taken(&object);
    }
    green
        .assert_warned_once("acme", Reason::OwnershipConflict)
        .await;
    assert_eq!(changes_by(&green, "green"), []);

    annotate(&green, &present).await;
    until_owned(&green, &theirs).await;
    green.until_told("acme", "Adopted", &theirs.id).await;
    let given = changes_by(&green, "green");
    assert_eq!(given.len(), 1, "{given:#?}");
    let read = CallFilter::on("ListTagsForResource").after(given[0].sequence);
    let proof = &green.aws.calls(&read)[0];
    assert!(proof.at.duration_since(given[0].at).as_secs_f64() >= 5.0);

    let mark = changes_by(&blue, "blue").len();
    blue.look_now("acme").await;
    blue.patch("acme", json!({"spec": {"tags": {"team": "mail"}}}))
        .await;
    let object = blue
        .until("acme", "the new owner", |object| {
            status(object).observed_generation == Some(2)
                && ready(object).is_some_and(|ready| ready.reason == "OwnershipConflict")
        })
        .await;
    let present = owner(&green, "green");
    assert_not_ready(&object, Reason::OwnershipConflict, &[&theirs.id, &present]);
    assert_eq!(changes_by(&blue, "blue").len(), mark);
}

#[tokio::test]
async fn tags_of_an_owner_of_this_cluster_that_is_gone_are_void() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let theirs = seed(&world, tagged("blue", &world.namespace, "gone"));
    start(&mut world, "blue");
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_refused("acme", Reason::AlreadyExists).await;
    assert_not_taken(&object);
    world.assert_left_alone();

    let policy = json!({"spec": {"adoptionPolicy": "Adopt"}});
    world.patch("acme", policy).await;
    until_owned(&world, &theirs).await;
    assert_eq!(world.mutating_calls(), ["TagResource"]);
}

#[tokio::test]
async fn an_owner_of_this_cluster_that_lives_is_respected_wherever_it_is() {
    let (mut world, elsewhere) = two_namespaces().await;
    let theirs = of_owner_in(&world, &elsewhere).await;
    start(&mut world, "blue");
    world.create("acme", adopt()).await;
    assert_respected(&world, &elsewhere, &theirs).await;

    elsewhere.delete("owner").await;
    elsewhere.until_gone("owner").await;
    world.ask_to_look("acme", "its owner is gone").await;
    until_owned(&world, &theirs).await;
}

#[tokio::test]
async fn an_owner_in_a_namespace_that_cannot_be_read_counts_as_alive_and_the_log_says_so() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let elsewhere = world.beside().await;
    let theirs = of_owner_in(&world, &elsewhere).await;
    elsewhere.delete("owner").await;
    elsewhere.until_gone("owner").await;
    world.operator.may_be_refused();
    start(&mut world, "blue");
    world.create("acme", adopt()).await;
    assert_respected(&world, &elsewhere, &theirs).await;
    let owner = format!("{}/owner", elsewhere.namespace);
    let told = |line: &Value| line["owner"] == owner && line["level"] == "WARN";
    world
        .operator
        .until_logged("who cannot be read", told)
        .await;
    assert!(!world.operator.refusals().is_empty());
}

/// An organization that an object of the other namespace owns by its tags.
async fn of_owner_in(world: &World, elsewhere: &World) -> OrganizationView {
    elsewhere
        .create("owner", json!({"alias": "another", "suspend": true}))
        .await;
    seed(world, tagged("blue", &elsewhere.namespace, "owner"))
}

async fn assert_respected(world: &World, elsewhere: &World, theirs: &OrganizationView) {
    world.until_refused("acme", Reason::OwnershipConflict).await;
    let object = world.look_now("acme").await;
    let owner = format!("blue/{}/owner", elsewhere.namespace);
    assert_not_ready(&object, Reason::OwnershipConflict, &[&theirs.id, &owner]);
    assert_not_taken(&object);
    world.assert_left_alone();
    assert_eq!(world.aws.organization(&theirs.id).unwrap(), *theirs);
}

#[tokio::test]
async fn a_backup_without_status_finds_its_organization_again() {
    let [mut blue, green] = clusters().await;
    let theirs = seed(&blue, theirs("acme"));
    blue.create("acme", adopt()).await;
    until_owned(&blue, &theirs).await;
    green.create("acme", adopt()).await;
    green.until_refused("acme", Reason::OwnershipConflict).await;
    let backup = blue.get("acme").await;
    let calls = blue.mutating_calls();
    blue.operator.kill();
    blue.delete("acme").await;
    blue.until_gone("acme").await;

    let spec = serde_json::to_value(&backup.spec).unwrap();
    let restored = blue.create("acme", spec).await;
    assert_ne!(restored.uid(), backup.uid());
    assert_eq!(
        restored.status.and_then(|status| status.organization_id),
        None
    );
    blue.operator.start();
    until_owned(&blue, &theirs).await;
    assert!(blue.warnings("acme").await.is_empty());
    assert_eq!(blue.mutating_calls(), calls);
    let object = green.look_now("acme").await;
    assert_not_ready(&object, Reason::OwnershipConflict, &[&owner(&blue, "blue")]);
}
