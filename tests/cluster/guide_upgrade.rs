//! The page `docs/upgrade.md`, command by command, with Helm.

use std::fs;

use devcluster::{Cluster, Options, Program};
use workmail_local::{Config, Server};

use crate::{
    guide::make_namespace,
    world::{Desk, quick, run_deployments},
};

const PAGE: &str = include_str!("../../docs/upgrade.md");

#[tokio::test]
async fn every_command_of_the_page_on_upgrades_does_what_it_says() {
    let aws = Server::start(Config::with_knobs(quick())).await.unwrap();
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let endpoint = aws.url();
    for namespace in ["mail", "post"] {
        make_namespace(&cluster.client().unwrap(), namespace).await;
    }
    let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let desk = Desk::new(&[Program::Kubectl, Program::Helm], &kubeconfig);
    let printed = tokio::select! {
        printed = desk.follow(PAGE) => printed,
        () = run_deployments(&cluster, &endpoint) => unreachable!("it goes on"),
    };
    assert!(
        printed.contains("[workmail-operator.dev/organization]"),
        "the page shows what holds them: {printed}"
    );

    // One was deleted as it was asked for; one was kept and found again; none was made twice.
    let mut organizations = aws.organizations();
    organizations.sort_by(|one, other| one.alias.cmp(&other.alias));
    let seen: Vec<_> = organizations
        .iter()
        .map(|one| (one.alias.as_str(), one.state.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("acme", "Deleted"),
            ("second", "Deleted"),
            ("trial", "Deleted")
        ]
    );
}
