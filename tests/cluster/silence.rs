//! A connection to the API server that is half open, or away for a while.

use std::time::{Duration, Instant};

use devcluster::{Cluster, Component, Options};
use serde_json::json;
use workmail_local::Config;

use crate::world::{Link, World, control_plane, id, install_crd, quick};

#[tokio::test]
async fn a_change_is_seen_within_about_a_minute_although_the_watch_is_half_open() {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    let link = Link::of(&mut world, control_plane().await).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;

    link.fall_silent();
    let begun = Instant::now();
    world.create("other", json!({"alias": "other"})).await;
    world.until_settled("other").await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(75), "{took:?}");
    assert!(
        world.operator.logged("ended").is_empty(),
        "nobody restarts it"
    );
}

#[tokio::test]
async fn an_object_that_went_while_nothing_was_watched_is_told_of_although_no_watch_shows_it() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    install_crd(&cluster).await;
    let mut world = World::on(&cluster, Config::with_knobs(quick())).await;
    // An API server that has just been started does not know all roles yet.
    world.operator.may_be_refused();
    let link = Link::of(&mut world, &cluster).await;
    world.operator.start();
    for name in ["acme", "other", "again"] {
        world.create(name, json!({"alias": name})).await;
    }
    let gone = world.until_active("acme").await;
    world.until_active("other").await;
    let first = world.until_active("again").await;

    link.cut();
    world.delete("acme").await;
    world.delete("again").await;
    world.until_gone("again").await;
    let adopts = json!({"alias": "again", "adoptionPolicy": "AdoptOrCreate"});
    world.create("again", adopts).await;
    // What was before its start is not in its memory: it answers a watch that goes on from there with a
    // demand to list anew.
    cluster.stop(Component::ApiServer).await.unwrap();
    cluster.start_again(Component::ApiServer).await.unwrap();
    link.mend();

    world.until_told("acme", "Retained", &id(&gone)).await;
    world.until_told("again", "Retained", &id(&first)).await;
    world.until_active("again").await;
    for name in ["acme", "again"] {
        let events = world.events(name).await;
        let told = events.iter().filter(|event| *event == "Retained").count();
        assert_eq!(told, 1, "{name}: {events:?}");
    }
    let events = world.events("other").await;
    assert!(!events.contains(&"Retained".to_owned()), "{events:?}");
    assert_eq!(world.effects("DeleteOrganization").len(), 0);
}
