//! What every scenario stands on: a control plane, WorkMail endpoints, and the two contenders.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use devcluster::{Cluster, Options};
use k8s_openapi::{
    api::events::v1::Event,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use workmail_local::{Config, Knobs, Server};
use workmail_operator::{
    api::{WorkMailOrganization, crds},
    lease::LeaseTerm,
    runtime::client,
};

use crate::{
    load::{Goal, NAMESPACE},
    process::{Addresses, Process},
};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    Operator,
    Floor,
    /// The floor, which writes what the operator writes.
    SameWrites,
}

impl Contender {
    pub const BOTH: [Self; 2] = [Self::Operator, Self::Floor];
    pub const ALL: [Self; 3] = [Self::Operator, Self::Floor, Self::SameWrites];

    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Floor => "floor",
            Self::SameWrites => "same-writes",
        }
    }

    /// How far it takes an object.
    pub fn goal(self) -> Goal {
        match self {
            Self::Operator | Self::SameWrites => Goal::Active,
            Self::Floor => Goal::Id,
        }
    }
}

/// The control plane, and where the programs are.
pub struct Stage {
    cluster: Cluster,
    /// The load's own client.
    pub client: Client,
    programs: PathBuf,
    divisor: usize,
}

impl Stage {
    /// Starts a control plane with the resource installed.
    pub async fn set() -> Self {
        // What `make build` gives: built for this benchmark, the operator would have features of
        // its dependencies that only development needs.
        let programs = env::var_os("BENCH_PROGRAMS").map_or_else(
            || {
                let operator = Path::new(env!("CARGO_BIN_EXE_workmail-operator"));
                operator.parent().unwrap().to_owned()
            },
            PathBuf::from,
        );
        let divisor = env::var("BENCH_DIVISOR").map_or(1, |text| text.parse().unwrap());
        let cluster = Cluster::start(Options::default()).await.unwrap();
        let client = client(&cluster.config(), LeaseTerm::unlimited()).unwrap();
        install(&client).await;
        Self {
            cluster,
            client,
            programs,
            divisor,
        }
    }

    /// The number of objects for a scenario: fewer while a scenario is being worked on.
    pub fn size(&self, objects: usize) -> usize {
        objects / self.divisor
    }

    /// Whether the sizes are the real ones.
    pub fn is_whole(&self) -> bool {
        self.divisor == 1
    }

    pub fn program(&self, contender: Contender) -> PathBuf {
        self.programs.join(match contender {
            Contender::Operator => "workmail-operator",
            Contender::Floor | Contender::SameWrites => "workmail-floor",
        })
    }

    /// Starts a contender; it may not be ready.
    pub fn launch(&self, contender: Contender, aws: &Server, arguments: &[&str]) -> Process {
        let own: &[&str] = match contender {
            Contender::Operator => &[
                "run",
                "--metrics-bind-address=127.0.0.1:0",
                "--health-probe-bind-address=127.0.0.1:0",
            ],
            Contender::Floor => &[],
            Contender::SameWrites => &["--same-writes"],
        };
        let arguments: Vec<_> = own.iter().chain(arguments).map(|&a| a.to_owned()).collect();
        let kubeconfig = self.cluster.kubeconfig();
        Process::start(&self.program(contender), &arguments, kubeconfig, &aws.url())
    }

    /// Starts a contender and waits until it has listed its objects.
    pub async fn start(&self, contender: Contender, aws: &Server, arguments: &[&str]) -> Process {
        let mut process = self.launch(contender, aws, arguments);
        match contender {
            Contender::Operator => Addresses::of(&mut process).await.until_ready().await,
            Contender::Floor | Contender::SameWrites => {
                drop(process.until_logged("ready").await);
            }
        }
        process
    }

    /// Deletes every object and every event. Nobody must be at work.
    pub async fn clear(&self) {
        let objects: Api<WorkMailOrganization> = Api::namespaced(self.client.clone(), NAMESPACE);
        let events: Api<Event> = Api::namespaced(self.client.clone(), NAMESPACE);
        let (how, all) = (DeleteParams::default(), ListParams::default());
        objects.delete_collection(&how, &all).await.unwrap();
        events.delete_collection(&how, &all).await.unwrap();
    }
}

/// A new endpoint in which no account has a quota.
pub async fn aws(knobs: Knobs) -> Server {
    let knobs = Knobs {
        organization_quota: None,
        ..knobs
    };
    Server::start(Config {
        journal_bytes: usize::MAX,
        ..Config::with_knobs(knobs)
    })
    .await
    .unwrap()
}

async fn install(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crds() {
        api.create(&PostParams::default(), &definition)
            .await
            .unwrap();
        let name = definition.name_any();
        let established = await_condition(api.clone(), &name, is_crd_established());
        tokio::time::timeout(Duration::from_mins(1), established)
            .await
            .unwrap()
            .unwrap();
    }
}
