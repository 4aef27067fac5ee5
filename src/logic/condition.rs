//! Conditions and events, before they get their times.

use crate::api::{ConditionStatus, ConditionType, EventReason, Reason};

/// A condition without its times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// Its type.
    pub kind: ConditionType,
    /// Its status.
    pub status: ConditionStatus,
    /// Its reason: a word of [`Reason`], or one that an older version wrote.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// The generation it speaks of.
    pub generation: i64,
}

impl Verdict {
    /// The condition of that type among these.
    #[must_use]
    pub fn of(verdicts: &[Self], kind: ConditionType) -> Option<&Self> {
        verdicts.iter().find(|verdict| verdict.kind == kind)
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectEvent {
    /// Its type and reason.
    pub kind: EventKind,
    /// Its text.
    pub message: String,
}

/// The type and reason of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Type Normal.
    Normal(EventReason),
    /// Type Warning, with the reason of a condition.
    Warning(Reason),
    /// Type Warning, with a reason that no condition has.
    Alert(EventReason),
}
