//! The chart gives the operator what it needs and nothing more: without any one of its rights the
//! API server refuses it something in an ordinary life.

use devcluster::{Cluster, Options};
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt, api::PostParams};
use serde_json::json;
use workmail_local::{Config, SeedOrganization};
use workmail_operator::api::{TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, WorkMailAccount};

use crate::{
    adoption::theirs,
    exports,
    world::{
        Operator, Right, Rights, World, control_plane, create_namespace, install_crd,
        install_dns_endpoints, quick, with_dns_endpoints,
    },
};

/// As many operators run at once.
const AT_ONCE: usize = 6;

/// An operator with leader election, whose release has a namespace of its own and watches that of
/// the world. It is not started yet.
pub struct Stage<'a> {
    cluster: &'a Cluster,
    pub world: World,
    pub home: String,
}

impl<'a> Stage<'a> {
    pub async fn on(cluster: &'a Cluster) -> Self {
        let world = World::on(cluster, Config::with_knobs(quick())).await;
        let home = create_namespace(&world.client).await;
        Self {
            cluster,
            world,
            home,
        }
    }

    pub async fn rights(&self) -> Rights {
        Rights::of_chart(&self.home, &[&self.world.namespace]).await
    }

    /// Gives the operator these rights, and these namespaces to watch.
    pub async fn set_up(&mut self, rights: &Rights, watched: &str) {
        let kubeconfig = rights.grant(self.cluster).await;
        let mut operator = Operator::new(&kubeconfig, &self.world.aws.url(), watched);
        operator.argument("--leader-elect");
        operator.argument(&format!("--leader-elect-resource-namespace={}", self.home));
        self.world.operator = operator;
    }

    /// An organization of a former owner is adopted, has its records published, and is deleted.
    async fn a_whole_life(&self) {
        let (world, client) = (&self.world, &self.world.client);
        let tags = [
            (TAG_CLUSTER, uid_of_cluster(client).await),
            (TAG_NAMESPACE, world.namespace.clone()),
            (TAG_NAME, "gone".to_owned()),
        ];
        let organization = SeedOrganization {
            tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
            users: exports::users(2),
            ..theirs("acme")
        };
        let id = world.aws.seed_organization(organization).unwrap().id;
        let spec = json!({
            "alias": "acme",
            "adoptionPolicy": "Adopt",
            "domains": [{"domainName": "acme.example"}],
            "dns": {"endpoint": true},
            "deletionPolicy": "Delete",
            "deletion": {"confirmAlias": "acme", "forceDelete": true,
                "confirmOrganizationId": id},
        });
        world.create("acme", spec).await;
        world.until_published("acme", &["acme.example"]).await;
        world.until_settled("acme").await;
        exports::replaced_and_done(world).await;
        exports::removed(world).await;
        world.delete("acme").await;
        world.until_gone("acme").await;
        world.until_event("acme", "Deleted").await;
    }

    /// What the API server refuses in a whole life without this right, at the first refusal; `None` if
    /// the right is not missed.
    async fn refused_without(&mut self, rights: &Rights, right: &Right) -> Option<Vec<String>> {
        let rest = rights.without(right);
        let watched = self.world.namespace.clone();
        self.set_up(&rest, &watched).await;
        self.world.operator.may_be_refused();
        self.world.operator.start();
        let what = format!("missed: {right}");
        let refused = self.world.poll(&what, async || {
            let refusals = self.world.operator.refusals();
            (!refusals.is_empty()).then_some(refusals)
        });
        tokio::select! {
            refused = refused => Some(refused),
            () = self.a_whole_life() => None,
        }
    }
}

/// What a cluster without a name is known by.
async fn uid_of_cluster(client: &Client) -> String {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.get("kube-system").await.unwrap().uid().unwrap()
}

/// A control plane that streams no first list, as Kubernetes before 1.34.
async fn without_streamed_lists() -> Cluster {
    let cluster = Cluster::start(Options {
        api_server_flags: vec!["--feature-gates=WatchList=false".to_owned()],
        ..Options::default()
    })
    .await
    .unwrap();
    install_crd(&cluster).await;
    install_dns_endpoints(cluster.client().unwrap()).await;
    cluster
}

/// A life in which this right of the chart, the number of which is given, is missed.
async fn assert_missed(cluster: &Cluster, number: usize) {
    let mut stage = Stage::on(cluster).await;
    let rights = stage.rights().await;
    let right = &rights.one_by_one()[number];
    let refused = stage.refused_without(&rights, right).await;
    let refused = refused.unwrap_or_else(|| panic!("nothing needs this right: {right}"));
    for line in refused {
        assert!(right.is_missed_in(&line), "without {right}: {line}");
    }
}

/// Whether a right is used only where there is a `WorkMailAccount` whose rules select namespaces.
fn is_of_accounts(right: &Right) -> bool {
    match right.resource.as_str() {
        "namespaces" => right.verb != "get",
        "workmailaccounts" => right.verb == "get",
        "workmailaccounts/status" => true,
        _ => false,
    }
}

/// The numbers of the chart's rights that are used without a `WorkMailAccount`: those that an API server of
/// today asks for, and the others.
async fn numbers() -> (Vec<usize>, Vec<usize>) {
    let rights = Rights::of_chart("home", &["watched"]).await.one_by_one();
    // An API server that streams the first list is asked for no pages of it.
    let of_old = |number: &usize| {
        let right = &rights[*number];
        right.resource == "workmailorganizations" && right.verb == "list"
    };
    let all = (0..rights.len()).filter(|number| !is_of_accounts(&rights[*number]));
    let (old, today): (Vec<_>, Vec<_>) = all.partition(of_old);
    assert!(today.len() > 10 && old.len() == 1, "{rights:?}");
    (today, old)
}

#[tokio::test]
async fn with_all_rights_of_one_namespace_nothing_is_refused() {
    with_dns_endpoints().await;
    let mut stage = Stage::on(control_plane().await).await;
    let watched = stage.world.namespace.clone();
    let rights = stage.rights().await;
    stage.set_up(&rights, &watched).await;
    stage.world.operator.start();
    stage.a_whole_life().await;
}

#[tokio::test]
async fn each_right_in_one_namespace_is_missed_when_it_is_taken_away() {
    with_dns_endpoints().await;
    let cluster = control_plane().await;
    let (today, _) = numbers().await;
    stream::iter(today)
        .for_each_concurrent(AT_ONCE, |number| assert_missed(cluster, number))
        .await;
}

/// Accounts are of the whole cluster.
#[tokio::test]
async fn each_right_that_accounts_need_is_missed_when_it_is_taken_away() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    install_dns_endpoints(cluster.client().unwrap()).await;
    let accounts: Api<WorkMailAccount> = Api::all(cluster.client().unwrap());
    let account = serde_json::from_value(json!({
        "metadata": {"name": "default"},
        "spec": {"rules": [{
            "namespaces": {"selector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "Exists"},
            ]}},
            "adopt": true,
            "delete": true,
        }]},
    }));
    let plain = PostParams::default();
    accounts.create(&plain, &account.unwrap()).await.unwrap();
    let rights = Rights::of_chart("home", &["watched"]).await.one_by_one();
    let all = (0..rights.len()).filter(|number| is_of_accounts(&rights[*number]));
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 4, "{rights:?}");
    for number in all {
        assert_missed(&cluster, number).await;
    }
}

#[tokio::test]
async fn the_right_to_list_is_missed_where_no_list_is_streamed() {
    let cluster = without_streamed_lists().await;
    let (_, of_old) = numbers().await;
    for number in of_old {
        assert_missed(&cluster, number).await;
    }
}

#[tokio::test]
async fn with_the_rights_of_the_whole_cluster_nothing_is_refused_and_every_namespace_is_served() {
    let cluster = without_streamed_lists().await;
    let mut stage = Stage::on(&cluster).await;
    let everywhere = Rights::of_chart(&stage.home, &[]).await;
    stage.set_up(&everywhere, "").await;
    stage.world.operator.start();
    stage.a_whole_life().await;
    let elsewhere = World::on(&cluster, Config::with_knobs(quick())).await;
    elsewhere.create("beyond", json!({"alias": "beyond"})).await;
    elsewhere.until_active("beyond").await;
    assert!(
        elsewhere.aws.journal().is_empty(),
        "its own operator does not run"
    );
}

/// What is asked of the API server does not depend on the namespaces that are watched, but for the
/// list and the watch, so that what is missed in one is missed in all.
#[tokio::test]
async fn the_rights_of_the_whole_cluster_are_those_of_one_namespace_and_no_more() {
    let plain = |rights: &Rights| {
        let all = rights.one_by_one().into_iter();
        let mut plain: Vec<_> = all
            .map(|right| Right {
                role: 0,
                // One reads kube-system and its own namespace, the other any.
                name: right.name.filter(|_| right.resource != "namespaces"),
                ..right
            })
            .collect();
        plain.sort();
        plain.dedup();
        plain
    };
    let one = Rights::of_chart("home", &["watched"]).await;
    let all = Rights::of_chart("home", &[]).await;
    assert_eq!(plain(&one), plain(&all));
}
