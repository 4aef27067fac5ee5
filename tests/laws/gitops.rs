//! What Argo CD and Flux make of every shape that the conditions take: in the stories, and reason by
//! reason.

use std::collections::BTreeSet;

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use workmail_operator::{
    api::{
        Class, ConditionStatus as Status, ConditionType as Kind, Reason, WorkMailOrganizationStatus,
    },
    logic::{
        Failure,
        organization::{Outcome, Recorded, report},
    },
};

use crate::{
    verdicts::{Verdicts, verdicts},
    views::{fresh, now},
    world::story::stories,
};

/// Enough for every word to be said of something, and for every law to have been seen to fail.
const STORIES: usize = 400;

/// All that the health of an object is read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    generation: i64,
    observed: i64,
    deleting: bool,
    conditions: Vec<(&'static str, &'static str, String, i64)>,
}

impl Shape {
    fn of(generation: i64, deleting: bool, status: &Recorded) -> Self {
        let conditions = status.verdicts.iter().map(|one| {
            let status = match one.status {
                Status::True => "True",
                Status::False => "False",
                Status::Unknown => "Unknown",
            };
            (
                one.kind.as_str(),
                status,
                one.reason.clone(),
                one.generation,
            )
        });
        Self {
            generation,
            observed: status.observed_generation.unwrap_or(-1),
            deleting,
            conditions: conditions.collect(),
        }
    }

    fn object(&self) -> Value {
        let condition = |(kind, status, reason, generation): &(_, _, _, _)| {
            json!({
                "type": kind, "status": status, "reason": reason, "observedGeneration": generation,
                "message": format!("{kind} is {status}."),
            })
        };
        let conditions: Vec<Value> = self.conditions.iter().map(condition).collect();
        let mut object = json!({
            "apiVersion": "workmail-operator.dev/v1alpha1",
            "kind": "WorkMailOrganization",
            "metadata": {"name": "acme", "generation": self.generation},
            "status": {"observedGeneration": self.observed, "conditions": conditions},
        });
        if self.deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-11-24T10:11:12Z");
        }
        object
    }

    fn find(&self, kind: Kind) -> Option<&(&'static str, &'static str, String, i64)> {
        self.conditions.iter().find(|one| one.0 == kind.as_str())
    }

    fn is(&self, kind: Kind) -> bool {
        self.find(kind).is_some_and(|one| one.1 == "True")
    }

    /// Its conditions speak of what its spec says now.
    const fn is_observed(&self) -> bool {
        self.observed == self.generation
    }

    /// It was looked at as it is, and is as it should be.
    fn is_good(&self) -> bool {
        self.is_observed() && !self.deleting && self.is(Kind::Ready)
    }

    fn is_suspended(&self) -> bool {
        let suspended = self.find(Kind::Suspended);
        suspended.is_some_and(|one| one.1 == "True" && one.3 == self.generation)
            && !self.is(Kind::Stalled)
    }
}

/// Every shape that an object has at some time in a story, each once, and what is said of it.
fn judged() -> Vec<(Shape, Verdicts)> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let mut shapes = BTreeSet::new();
    for _ in 0..STORIES {
        let story = stories().new_tree(&mut runner).unwrap().current();
        let mut world = story.world();
        for event in &story.events {
            world.apply(event);
            let objects = world.server.objects.iter().flatten();
            shapes.extend(objects.map(|one| Shape::of(one.generation, one.deleting, &one.status)));
        }
    }
    let said = verdicts(shapes.iter().map(Shape::object));
    assert_eq!(said.len(), shapes.len());
    shapes.into_iter().zip(said).collect()
}

#[test]
fn argo_cd_and_flux_say_of_every_shape_what_is_so() {
    let judged = judged();
    let words = |word: fn(&Verdicts) -> &str| -> BTreeSet<&str> {
        judged.iter().map(|(_, said)| word(said)).collect()
    };
    assert_eq!(
        words(|said| &said.argo.status),
        BTreeSet::from(["Degraded", "Healthy", "Progressing", "Suspended", "Unknown"])
    );
    assert_eq!(
        words(|said| &said.flux.status),
        BTreeSet::from(["Current", "Failed", "InProgress", "Terminating"])
    );
    for (shape, said) in &judged {
        let (argo, flux) = said.words();
        let holds = |holds: bool, law: &str| assert!(holds, "{law}: {shape:#?} is {said:#?}");

        holds(!said.argo.message.is_empty(), "there is always a message");
        holds(
            (argo == "Healthy") == shape.is_good(),
            "Healthy is what was looked at as it is, and is Ready",
        );
        holds(
            (flux == "Current") == (argo == "Healthy"),
            "both mean the same by good",
        );
        let stalled = shape.is_observed() && shape.is(Kind::Stalled);
        holds(
            (flux == "Failed") == (stalled && !shape.deleting),
            "what is Stalled is Failed for Flux",
        );
        holds(
            !stalled || argo == "Degraded",
            "what is Stalled is Degraded for Argo CD, a deletion too",
        );
        holds(
            (argo == "Suspended") == shape.is_suspended(),
            "Suspended is what rests as its present spec says",
        );
        holds(
            argo != "Unknown"
                || shape
                    .find(Kind::EndOfService)
                    .is_some_and(|one| one.1 == "True"),
            "nothing is Unknown before the service has ended",
        );
        holds(
            (flux == "Terminating") == shape.deleting,
            "what is being deleted is Terminating",
        );
        let before = &said.argo_before36;
        holds(
            before == &said.argo || shape.deleting && before.status == "Progressing",
            "an older Argo CD differs in what is being deleted only",
        );
    }
}

#[test]
fn argo_cd_takes_nothing_for_healthy_of_which_nothing_is_said() {
    let metadata = json!({"name": "acme", "generation": 1});
    let object = |status: Value| json!({"kind": "WorkMailOrganization", "metadata": metadata, "status": status});
    let silent = [
        Value::Null,
        json!({}),
        json!({"observedGeneration": 1}),
        json!({"observedGeneration": 1, "conditions": []}),
    ];
    for said in verdicts(silent.map(object)) {
        assert_eq!(said.argo.status, "Progressing", "{said:?}");
    }
}

#[test]
fn argo_cd_says_of_every_reason_whether_it_passes_by_itself() {
    let view = fresh();
    let reasons = Reason::ALL.iter().filter(|one| one.class() != Class::Good);
    let shapes = reasons.clone().map(|reason| {
        let failed = Outcome::Failed(Failure::of(*reason, "", "what happened"));
        let status = Recorded::read(
            &report(&view, &failed).to_status(&WorkMailOrganizationStatus::default(), now()),
        );
        assert_eq!(status.condition(Kind::Ready).unwrap().status, Status::False);
        Shape::of(view.desired.generation, false, &status).object()
    });
    for (reason, said) in reasons.clone().zip(verdicts(shapes)) {
        let expected = match reason.class() {
            Class::Terminal => ("Degraded", "Failed"),
            Class::Recoverable => ("Degraded", "InProgress"),
            Class::Transient | Class::InProgress | Class::Good => ("Progressing", "InProgress"),
        };
        assert_eq!(said.words(), expected, "{reason}");
        let opening = format!("{reason}: ");
        assert!(said.argo.message.starts_with(&opening), "{said:?}");
    }
}
