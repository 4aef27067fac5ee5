//! Stories of the world: what proptest draws.

use proptest::{collection::vec, option, prelude::*, sample::select};
use workmail_operator::{
    api::{AdoptionPolicy, DeletionPolicy},
    logic::{
        ErrorKind,
        organization::{OrganizationState as State, Verification},
    },
};

use super::{
    Confirm, Event, Fault, OURS, World,
    aws::{Knobs, TagMap, refusal},
    domains::Domain,
};

/// How a world begins, and what happens in it.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    knobs: Knobs,
    policy: DeletionPolicy,
    /// A second object of the same alias.
    competitor: bool,
    /// An organization that has the alias already.
    prior: Option<Prior>,
    /// How the first object's spec begins.
    spec: Vec<Event>,
    pub(crate) events: Vec<Event>,
}

/// Who has an organization that is there before any object.
#[derive(Clone, Copy, Debug)]
enum Prior {
    Unowned,
    /// By its tags, the first object's.
    Ours,
    /// An object's of this cluster that is gone.
    OfOneGone,
    /// Another cluster's.
    Elsewhere,
}

impl Prior {
    fn tags(self) -> TagMap {
        let (cluster, name) = match self {
            Self::Unowned => return TagMap::new(),
            Self::Ours => ("prod", "acme"),
            Self::OfOneGone => ("prod", "gone"),
            Self::Elsewhere => ("elsewhere", "acme"),
        };
        [("cluster", cluster), ("namespace", "mail"), ("name", name)]
            .map(|(key, value)| (format!("workmail-operator.dev/{key}"), value.into()))
            .into()
    }
}

impl Story {
    /// The world as it begins.
    pub(crate) fn world(&self) -> World {
        let mut world = World::new(self.knobs, self.policy);
        if let Some(prior) = self.prior {
            let id = world.aws.make(OURS, "acme", world.now);
            let org = world.aws.orgs.get_mut(&id).unwrap();
            org.state = State::Active;
            org.completed = world.now.checked_sub(super::FIFTEEN_MINUTES).ok();
            org.tags = prior.tags();
            let there = Domain {
                verification: Verification::Verified,
                was_there: true,
            };
            org.domains.all.insert(NAMES[0].into(), there);
        }
        if self.competitor {
            world.pass(5);
            world.server.create(1, DeletionPolicy::Retain, world.now);
        }
        for event in &self.spec {
            world.apply(event);
        }
        world
    }

    /// The world as it is after all that happens.
    pub(crate) fn told(&self) -> World {
        let mut world = self.world();
        for event in &self.events {
            world.apply(event);
        }
        world
    }
}

/// Any story.
pub(crate) fn stories() -> impl Strategy<Value = Story> {
    let priors = select(vec![
        Prior::Unowned,
        Prior::Ours,
        Prior::OfOneGone,
        Prior::Elsewhere,
    ]);
    (
        knobs(),
        policy(),
        prop::bool::weighted(0.2),
        option::weighted(0.3, priors),
        vec(specs(Just(0)), 0..3),
        vec(events(), 0..120),
        option::weighted(0.2, endings()),
    )
        .prop_map(
            |(knobs, policy, competitor, prior, spec, events, ending)| Story {
                knobs,
                policy,
                competitor,
                prior,
                spec,
                events: events
                    .into_iter()
                    .chain(ending.into_iter().flatten())
                    .collect(),
            },
        )
}

/// How some stories end, which events that are drawn one by one rarely come to: the first object's
/// organization may be taken by somebody else, leaves Active so that AWS hides its tags, and the object is
/// deleted under policy Delete, each at any step.
fn endings() -> impl Strategy<Value = Vec<Event>> {
    let states = select(vec![State::Impaired, State::Failed, State::Validating]);
    let steps = || (0_usize..12).prop_map(|many| vec![Event::Step(0, Fault::None); many]);
    let taken = option::of(Just(Event::TagInAws(
        "workmail-operator.dev/cluster",
        "elsewhere",
    )));
    (steps(), taken, steps(), states, steps(), steps()).prop_map(
        |(to_ready, taken, to_see, state, before, to_the_end)| {
            let mut all = vec![Event::Delete(0), Event::Suspend(0, false), Event::Observe];
            all.extend(to_ready);
            all.extend(taken);
            all.push(Event::WholeLook(0));
            all.extend(to_see);
            all.extend([Event::Become(state), Event::Observe]);
            all.extend(before);
            all.push(Event::DeleteObject(0));
            all.extend(to_the_end);
            all
        },
    )
}

/// The mail domains of the stories. The first is there before any object, where an organization is.
const NAMES: [&str; 3] = ["old.example", "acme.example", "post.example"];

fn knobs() -> impl Strategy<Value = Knobs> {
    any::<[bool; 3]>().prop_map(|[deleted_stay, list_lags, aliases_return]| Knobs {
        deleted_stay,
        list_lags,
        aliases_return,
    })
}

fn policy() -> impl Strategy<Value = DeletionPolicy> {
    select(vec![DeletionPolicy::Retain, DeletionPolicy::Delete])
}

fn events() -> impl Strategy<Value = Event> {
    let slot = prop_oneof![4 => Just(0_usize), 1 => Just(1)];
    prop_oneof![
        24 => (slot.clone(), faults()).prop_map(|(slot, fault)| Event::Step(slot, fault)),
        24 => slot.clone().prop_map(|slot| Event::Step(slot, Fault::None)),
        4 => edits(slot.clone()),
        2 => specs(slot),
        3 => others(),
        1 => domains(),
        2 => select(vec![1, 1, 4, 5, 31, 31, 200, 200, 960, 960, FOUR_DAYS]).prop_map(Event::Pass),
        3 => Just(Event::Advance),
        1 => Just(Event::Observe),
    ]
}

/// Longer than AWS tries to verify a domain.
const FOUR_DAYS: i64 = 4 * 24 * 60 * 60;

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        10 => Just(Fault::None),
        1 => Just(Fault::CrashBefore),
        1 => Just(Fault::CrashAfter),
        2 => troubles().prop_map(Fault::Aws),
        2 => Just(Fault::Lost),
        1 => Just(Fault::Api),
        1 => Just(Fault::ApiLost),
        1 => (1_u8..6).prop_map(Fault::StaleView),
        2 => Just(Fault::Pause),
    ]
}

/// Everything that can be heard of AWS when it does nothing.
pub(crate) fn troubles() -> impl Strategy<Value = ErrorKind> {
    let codes = [
        "MailDomainInUseException",
        "MailDomainStateException",
        "AccessDeniedException",
        "DirectoryInUseException",
        "DirectoryUnavailableException",
        "InvalidParameterException",
        "LimitExceededException",
        "NameAvailabilityException",
        "OrganizationNotFoundException",
        "OrganizationStateException",
        "SomethingNewException",
        "TooManyTagsException",
        "UnsupportedOperationException",
    ];
    prop_oneof![
        2 => select(vec![
            ErrorKind::Throttled,
            ErrorKind::TimedOut,
            ErrorKind::Unreachable,
            ErrorKind::ServerFault,
            ErrorKind::Undecodable,
            ErrorKind::no_credentials(None),
        ]),
        1 => select(codes.to_vec()).prop_map(refusal),
    ]
}

fn edits(slot: impl Strategy<Value = usize> + Clone + 'static) -> impl Strategy<Value = Event> {
    let tags: Vec<&'static [(&'static str, &'static str)]> = vec![
        &[],
        &[("team", "a")],
        &[("team", "b"), ("cost", "1")],
        &[("cost", "2")],
    ];
    let confirm = select(vec![
        Confirm::Nothing,
        Confirm::TheId,
        Confirm::AnotherId,
        Confirm::Force(true),
        Confirm::Force(false),
    ]);
    prop_oneof![
        2 => slot.clone().prop_map(Event::Retain),
        3 => slot.clone().prop_map(Event::Delete),
        2 => (slot.clone(), any::<bool>()).prop_map(|(slot, on)| Event::Suspend(slot, on)),
        2 => (slot.clone(), select(tags)).prop_map(|(slot, tags)| Event::Tags(slot, tags)),
        1 => (slot.clone(), any::<bool>()).prop_map(|(slot, on)| Event::Input(slot, on)),
        1 => (slot.clone(), confirm).prop_map(|(slot, confirm)| Event::ConfirmId(slot, confirm)),
        3 => slot.clone().prop_map(Event::DeleteObject),
        1 => slot.clone().prop_map(Event::Recreate),
        1 => slot.clone().prop_map(Event::WipeStatus),
        1 => (slot.clone(), 0_u8..3).prop_map(|(slot, value)| Event::Request(slot, value)),
        1 => slot.prop_map(Event::WholeLook),
    ]
}

/// What the spec says beside what is deleted: whether an organization is taken, changed or made, and
/// its domains.
fn specs(slot: impl Strategy<Value = usize> + Clone + 'static) -> impl Strategy<Value = Event> {
    let policies = select(vec![
        AdoptionPolicy::Create,
        AdoptionPolicy::Adopt,
        AdoptionPolicy::AdoptOrCreate,
    ]);
    let owners = select(vec![
        None,
        Some("elsewhere/mail/acme"),
        Some("prod/mail/other"),
        Some("prod/mail/gone"),
        Some("elsewhere/?/?"),
    ]);
    let [old, acme, post] = NAMES;
    let all: Vec<(&'static [&'static str], _)> = vec![
        (&[], None),
        (&[], Some("acme.awsapps.com")),
        (&NAMES, None),
        (&NAMES, Some(acme)),
        (&["acme.example"], Some(acme)),
        (&["acme.example"], None),
        (&["old.example"], Some(old)),
        (&["acme.example", "post.example"], Some(post)),
        (&["old.example", "post.example"], None),
    ];
    prop_oneof![
        3 => (slot.clone(), policies).prop_map(|(slot, policy)| Event::Adopt(slot, policy)),
        2 => (slot.clone(), any::<bool>()).prop_map(|(slot, on)| Event::Observes(slot, on)),
        2 => (slot.clone(), owners).prop_map(|(slot, owner)| Event::TakeOver(slot, owner)),
        3 => (slot, select(all))
            .prop_map(|(slot, (names, default))| Event::Domains(slot, names, default)),
    ]
}

/// What others do to mail domains.
fn domains() -> impl Strategy<Value = Event> {
    let name = || select(NAMES.to_vec());
    let any_name = select([&NAMES[..], &["acme.awsapps.com"]].concat());
    let verifications = select(vec![Verification::Verified, Verification::Failed]);
    prop_oneof![
        3 => verifications.prop_map(Event::Verify),
        2 => name().prop_map(Event::RegisterInAws),
        2 => name().prop_map(Event::DeregisterInAws),
        2 => any_name.prop_map(Event::DefaultInAws),
        2 => (name(), any::<bool>()).prop_map(|(name, on)| Event::TakeDomain(name, on)),
        1 => any::<bool>().prop_map(Event::Addresses),
        1 => select(vec![None, Some(2), Some(3)]).prop_map(Event::MostDomains),
        1 => any::<bool>().prop_map(Event::DnsWaits),
    ]
}

fn others() -> impl Strategy<Value = Event> {
    let tags = vec![
        ("team", "z"),
        ("else", "x"),
        ("workmail-operator.dev/cluster", "elsewhere"),
        ("workmail-operator.dev/name", "other"),
    ];
    let states = vec![
        State::Impaired,
        State::Inactive,
        State::Validating,
        State::Failed,
        State::Active,
        State::Other("Resting".into()),
    ];
    prop_oneof![
        1 => Just(Event::NamespaceLeaves),
        1 => Just(Event::DefinitionLeaves),
        1 => Just(Event::End),
        2 => Just(Event::Fail),
        3 => select(states).prop_map(Event::Become),
        4 => Just(Event::DeleteInAws),
        3 => select(vec![State::Failed, State::Active]).prop_map(Event::UndoDeletion),
        4 => select(tags).prop_map(|(key, value)| Event::TagInAws(key, value)),
        3 => any::<bool>().prop_map(Event::UntagInAws),
        2 => any::<bool>().prop_map(Event::EnableUsers),
        3 => any::<bool>().prop_map(Event::SwitchAccount),
        3 => Just(Event::ForgetTokens),
        3 => any::<bool>().prop_map(Event::MakeInAws),
        2 => any::<bool>().prop_map(Event::Quota),
    ]
}
