//! The ways of a mail domain out of an organization and of its default, with everything that can
//! happen on them.

use workmail_operator::{
    api::DeletionPolicy,
    logic::{ErrorKind, organization::Verification},
};

use crate::{
    eventually,
    world::{
        Event, Fault, World,
        aws::{Knobs, refusal},
    },
};

/// Created with a domain that is verified and the default. Somebody else has added a verified one.
fn world() -> World {
    let knobs = Knobs {
        deleted_stay: true,
        list_lags: false,
        aliases_return: false,
    };
    let mut world = World::new(knobs, DeletionPolicy::Retain);
    world.apply(&Event::Domains(0, &["acme.example"], Some("acme.example")));
    for round in 0..8 {
        world.round(31);
        if round == 4 {
            world.apply(&Event::RegisterInAws("old.example"));
        }
    }
    let org = world.aws.orgs.values().next().unwrap();
    assert_eq!(org.domains.default, "acme.example");
    world.calls.clear();
    world
}

/// What the user makes of the spec, and what somebody else has made the default before.
const WAYS: [(&[&str], Option<&str>, Option<&str>); 6] = [
    (&[], None, None),
    (&["post.example"], None, None),
    (&["post.example"], Some("post.example"), None),
    (&[], Some("acme.awsapps.com"), None),
    (&["acme.example"], None, Some("old.example")),
    (&["old.example"], Some("old.example"), None),
];

#[derive(Clone, Debug)]
enum Twist {
    Fault(Fault),
    Before(Event),
}

fn twists() -> Vec<Twist> {
    let faults = [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::Lost,
        Fault::Aws(ErrorKind::Throttled),
        Fault::Aws(refusal("MailDomainStateException")),
        Fault::Aws(refusal("MailDomainInUseException")),
        Fault::Api,
        Fault::ApiLost,
        Fault::Pause,
    ];
    let edits = [
        Event::Domains(0, &["acme.example"], Some("acme.example")),
        Event::Domains(0, &["old.example", "acme.example"], None),
        Event::Observes(0, true),
        Event::WipeStatus(0),
        Event::RegisterInAws("post.example"),
        Event::DeregisterInAws("old.example"),
        Event::DeregisterInAws("acme.example"),
        Event::DefaultInAws("old.example"),
        Event::DefaultInAws("acme.awsapps.com"),
        Event::TakeDomain("post.example", true),
        Event::Addresses(true),
        Event::MostDomains(Some(2)),
        Event::Verify(Verification::Failed),
    ];
    let faults = faults.map(Twist::Fault);
    faults.into_iter().chain(edits.map(Twist::Before)).collect()
}

const STEPS: usize = 30;

fn walk(way: usize, at: usize, twist: Option<&Twist>) -> World {
    let mut world = world();
    let (names, default, before) = WAYS[way];
    if let Some(before) = before {
        world.apply(&Event::DefaultInAws(before));
    }
    world.apply(&Event::Domains(0, names, default));
    for step in 0..STEPS {
        let mut fault = Fault::None;
        match twist {
            Some(Twist::Fault(given)) if step == at => fault = given.clone(),
            Some(Twist::Before(event)) if step == at => world.apply(event),
            Some(_) | None => {}
        }
        world.apply(&Event::Step(0, fault));
        if world.running[0].is_none() {
            world.apply(&Event::Pass(11));
            world.apply(&Event::Observe);
        }
    }
    world
}

/// The domains and the default after each way.
#[test]
fn without_a_twist_the_managed_domain_leaves_and_the_default_makes_way() {
    let own = "acme.awsapps.com";
    let ends: [(&[&str], &str); 6] = [
        (&[own, "old.example"], own),
        (&[own, "old.example", "post.example"], own),
        (&[own, "old.example", "post.example"], own),
        (&[own, "old.example"], own),
        (&[own, "acme.example", "old.example"], "old.example"),
        (&[own, "old.example"], "old.example"),
    ];
    for (way, (names, default)) in ends.iter().enumerate() {
        let world = walk(way, 0, None);
        let domains = &world.aws.orgs.values().next().unwrap().domains;
        let all: Vec<_> = domains.all.keys().map(String::as_str).collect();
        assert_eq!((&*all, &*domains.default), (*names, *default), "{way}");
        assert_eq!(world.breaches, vec![], "{way}");
    }
}

#[test]
fn any_fault_or_edit_at_any_step_of_a_domain_on_its_way_breaks_no_law() {
    for way in 0..WAYS.len() {
        for twist in &twists() {
            for at in 0..16 {
                let mut world = walk(way, at, Some(twist));
                eventually::settles(&mut world);
                eventually::plans(&mut world);
                assert_eq!(world.breaches, vec![], "{way} {twist:?} at {at}");
            }
        }
    }
}
