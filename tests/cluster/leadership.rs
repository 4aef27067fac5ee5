//! Two replicas: one acts, the other stands by, and never both.

use std::time::{Duration, Instant};

use devcluster::{Cluster, Component, Options};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use workmail_local::{
    Config,
    Work::{Done, NotDone},
};

use crate::world::{Operator, World, id, install_crd, page, quick, status};

/// The access keys by which the endpoint tells the replicas apart.
const FIRST: &str = "AKIDFIRST";
const SECOND: &str = "AKIDSECOND";

/// The chart's lease duration. A shorter one is lost where the machine stalls for its last third.
const LASTS: &str = "15s";

/// A world with two replicas, the first of which is [`World::operator`]. None is started yet.
struct Pair {
    world: World,
    second: Operator,
}

impl Pair {
    async fn new(lease_duration: &str) -> Self {
        Self::of(
            World::without_operator(Config::with_knobs(quick())).await,
            lease_duration,
        )
    }

    fn of(mut world: World, lease_duration: &str) -> Self {
        let namespace = world.namespace.clone();
        for argument in [
            "--leader-elect".to_owned(),
            format!("--leader-elect-resource-namespace={namespace}"),
            format!("--leader-elect-lease-duration={lease_duration}"),
        ] {
            world.operator.argument(&argument);
        }
        world.operator.set("AWS_ACCESS_KEY_ID", Some(FIRST));
        let mut second = world.operator.twin();
        second.set("AWS_ACCESS_KEY_ID", Some(SECOND));
        Self { world, second }
    }

    /// Starts both, so that the first has the lease and the second stands by.
    async fn start(&mut self) {
        self.world.operator.start();
        leads(&self.world.operator).await;
        self.second.start();
        stands_by(&self.second).await;
    }

    fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.world.client.clone(), &self.world.namespace)
    }

    async fn patch_lease(&self, patch: Value) {
        self.leases()
            .patch(
                "workmail-operator",
                &PatchParams::default(),
                &Patch::Merge(patch),
            )
            .await
            .unwrap();
    }

    async fn lease(&self) -> LeaseSpec {
        let lease = self.leases().get("workmail-operator").await.unwrap();
        lease.spec.unwrap_or_default()
    }

    /// What a replica called AWS for, in order.
    fn called_by(&self, key: &str) -> Vec<String> {
        let all = self.world.aws.endpoint().journal().into_iter();
        all.filter(|call| call.access_key.as_deref() == Some(key))
            .map(|call| call.operation)
            .collect()
    }
}

async fn leads(operator: &Operator) {
    operator.until_said("this process has the lease").await;
}

async fn stands_by(operator: &Operator) {
    let message = "standing by: another process has the lease";
    operator.until_said(message).await;
}

/// The process has ended by itself, because the lease is not its own any more, and said so.
async fn gave_up(operator: &mut Operator, why: &str) {
    assert_eq!(operator.ended().await.code(), Some(1));
    let ended = operator.logged("ended");
    let error = ended.last().unwrap()["error"].as_str().unwrap().to_owned();
    assert!(error.contains(why), "{error}");
}

#[tokio::test]
async fn one_replica_acts_and_the_other_is_ready_and_calls_nobody() {
    let mut pair = Pair::new(LASTS).await;
    pair.start().await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    let object = pair.world.until_active("acme").await;
    pair.world.assert_created_once(&object);
    assert_eq!(pair.called_by(SECOND), [""; 0]);

    for (operator, leader, says) in [
        (&pair.world.operator, "1", "ok"),
        (&pair.second, "0", "standing by"),
    ] {
        let (probes, metrics) = operator.addresses().await;
        let (code, ready) = page(probes, "/readyz").await.unwrap();
        assert_eq!(code, 200);
        assert!(ready.contains(says), "{ready}");
        let (_, metrics) = page(metrics, "/metrics").await.unwrap();
        let gauge = format!("workmail_operator_leader_election_master_status {leader}\n");
        assert!(metrics.contains(&gauge), "{metrics}");
    }
    let lease = pair.lease().await;
    assert_eq!(lease.lease_duration_seconds, Some(15));
    assert_eq!(lease.lease_transitions, Some(0));
    assert!(lease.acquire_time.is_some() && lease.renew_time >= lease.acquire_time);
}

#[tokio::test]
async fn the_next_replica_ends_what_a_killed_one_began() {
    let mut pair = Pair::new(LASTS).await;
    // AWS has created it, and nobody was told.
    pair.world.hold("CreateOrganization", Done);
    pair.start().await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    pair.world.until_held("CreateOrganization").await;
    pair.world.kill().await;

    let object = pair.world.until_active("acme").await;
    pair.world.assert_created_once(&object);
    leads(&pair.second).await;
    assert_eq!(pair.lease().await.lease_transitions, Some(1));
    assert!(pair.called_by(SECOND).contains(&"TagResource".to_owned()));
}

#[tokio::test]
async fn a_replica_that_was_frozen_and_goes_on_calls_nobody_and_ends() {
    let mut pair = Pair::new(LASTS).await;
    // The answer waits in the frozen process's socket: the first create was not done.
    pair.world.hold("CreateOrganization", NotDone);
    pair.start().await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    pair.world.until_held("CreateOrganization").await;
    pair.world.operator.signal("STOP");
    let calls = pair.called_by(FIRST);

    leads(&pair.second).await;
    pair.world.until_active("acme").await;
    // Now it is answered, while the second has long finished the work.
    pair.world.aws.clear_faults();
    pair.world.operator.signal("CONT");
    gave_up(&mut pair.world.operator, "lease").await;

    assert_eq!(pair.called_by(FIRST), calls);
    let object = pair.world.get("acme").await;
    assert_eq!(status(&object).state.as_deref(), Some("Active"));
    pair.world.assert_created_once(&object);
}

#[tokio::test]
async fn a_replica_that_is_asked_to_end_hands_over_within_two_seconds() {
    let mut pair = Pair::new(LASTS).await;
    pair.start().await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    pair.world.until_active("acme").await;
    let before = pair.lease().await.holder_identity;

    let asked = Instant::now();
    pair.world.operator.terminate();
    leads(&pair.second).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(pair.world.operator.ended().await.success());

    let lease = pair.lease().await;
    assert_ne!(lease.holder_identity, before);
    pair.world.create("other", json!({"alias": "other"})).await;
    pair.world.until_active("other").await;
    assert_eq!(pair.world.effects("CreateOrganization").len(), 2);
}

#[tokio::test]
async fn a_replica_that_is_asked_to_end_finishes_its_call_before_another_takes_over() {
    // The call ends after 15 s, and has to outlive the lease.
    let mut pair = Pair::new("8s").await;
    pair.world.hold("CreateOrganization", NotDone);
    pair.start().await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    pair.world.until_held("CreateOrganization").await;
    let renewed = async || pair.lease().await.renew_time.unwrap().0;
    let before = renewed().await;
    pair.world.operator.terminate();
    pair.world
        .poll(
            "the lease is renewed for longer than it lasts",
            async || (renewed().await.duration_since(before).as_secs() > 8).then_some(()),
        )
        .await;
    assert_eq!(pair.called_by(SECOND), [""; 0]);
    pair.world.aws.clear_faults();
    assert!(pair.world.operator.ended().await.success());

    let object = pair.world.until_active("acme").await;
    pair.world.assert_created_once(&object);
    assert_eq!(pair.world.calls("CreateOrganization").len(), 1);
}

#[tokio::test]
async fn no_replica_acts_without_the_kubernetes_api_and_one_goes_on_when_it_is_back() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    let world = World::on(&cluster, Config::with_knobs(quick())).await;
    let mut pair = Pair::of(world, LASTS);
    // An API server that has just been started does not know all roles yet.
    pair.world.operator.may_be_refused();
    pair.second.may_be_refused();
    pair.world.hold("CreateOrganization", Done);
    pair.start().await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    pair.world.until_held("CreateOrganization").await;
    cluster.stop(Component::ApiServer).await.unwrap();
    gave_up(&mut pair.world.operator, "no renewal").await;
    let last = pair.world.aws.last_call();
    pair.world.aws.clear_faults();

    cluster.start_again(Component::ApiServer).await.unwrap();
    pair.world.operator.start();
    let object = pair.world.until_active("acme").await;
    pair.world.assert_created_once(&object);
    let after = pair.world.called_after(last);
    assert_eq!(
        after
            .iter()
            .filter(|call| *call == "GetCallerIdentity")
            .count(),
        1,
        "one acts"
    );
}

#[tokio::test]
async fn a_replica_ends_when_its_lease_is_given_to_another_or_deleted() {
    let mut pair = Pair::new(LASTS).await;
    pair.world.operator.start();
    leads(&pair.world.operator).await;
    pair.patch_lease(json!({"spec": {"holderIdentity": "somebody"}}))
        .await;
    gave_up(
        &mut pair.world.operator,
        "another process has the lease: somebody",
    )
    .await;

    pair.second.start();
    leads(&pair.second).await;
    pair.leases()
        .delete("workmail-operator", &DeleteParams::default())
        .await
        .unwrap();
    gave_up(&mut pair.second, "deleted").await;
}

#[tokio::test]
async fn a_label_on_the_lease_changes_nothing() {
    let mut pair = Pair::new(LASTS).await;
    pair.start().await;
    let before = pair.lease().await;
    pair.patch_lease(json!({"metadata": {"labels": {"team": "mail"}}}))
        .await;
    pair.world
        .poll("the lease is renewed", async || {
            (pair.lease().await.renew_time > before.renew_time).then_some(())
        })
        .await;
    pair.world.create("acme", json!({"alias": "acme"})).await;
    let object = pair.world.until_active("acme").await;
    assert!(!id(&object).is_empty());
    let lease = pair.leases().get("workmail-operator").await.unwrap();
    assert_eq!(lease.metadata.labels.unwrap()["team"], "mail");
    assert_eq!(pair.lease().await.holder_identity, before.holder_identity);
    assert_eq!(pair.called_by(SECOND), [""; 0]);
}
