//! The conditions of the export kinds, and their events.

use k8s_openapi::jiff::Timestamp;

use super::{EventKind, ObjectEvent, Verdict};
use crate::api::{Class, Condition, ConditionStatus, ConditionType, Reason};

/// Reads conditions; those that this version does not know are left out.
pub(super) fn read(conditions: &[Condition]) -> Vec<Verdict> {
    let verdict = |condition: &Condition| {
        let mut kinds = ConditionType::ALL.into_iter();
        let kind = kinds.find(|kind| kind.as_str() == condition.r#type)?;
        Some(Verdict {
            kind,
            status: condition.status,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            generation: condition.observed_generation,
        })
    };
    conditions.iter().filter_map(verdict).collect()
}

/// Writes conditions. One keeps its time as long as its status stays.
pub(super) fn write(verdicts: &[Verdict], before: &[Condition], now: Timestamp) -> Vec<Condition> {
    let condition = |verdict: &Verdict| {
        let mut before = before.iter();
        let old =
            before.find(|old| old.r#type == verdict.kind.as_str() && old.status == verdict.status);
        Condition {
            r#type: verdict.kind.as_str().to_owned(),
            status: verdict.status,
            observed_generation: verdict.generation,
            last_transition_time: old.map_or(now, |old| old.last_transition_time),
            reason: verdict.reason.clone(),
            message: verdict.message.clone(),
        }
    };
    verdicts.iter().map(condition).collect()
}

/// Returns Ready with its reason and message, and what goes with the reason's class. `more` are conditions
/// that hold besides; they have a reason and a short sentence of their own.
pub(super) fn of(
    generation: i64,
    (reason, message): (Reason, &str),
    more: &[(ConditionType, Reason, &str)],
) -> Vec<Verdict> {
    let verdict = |kind, status, reason: Reason, message: &str| Verdict {
        kind,
        status,
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
        generation,
    };
    let is_good = matches!(reason, Reason::Completed | Reason::Gone);
    let status = if is_good {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let mut verdicts = vec![verdict(ConditionType::Ready, status, reason, message)];
    let beside = match reason.class() {
        Class::Terminal => Some((
            ConditionType::Stalled,
            "Nothing changes until somebody acts.",
        )),
        Class::InProgress | Class::Transient | Class::Recoverable => Some((
            ConditionType::Reconciling,
            "The operator goes on by itself.",
        )),
        Class::Good => None,
    };
    if let Some((kind, message)) = beside {
        verdicts.push(verdict(kind, ConditionStatus::True, reason, message));
    }
    for (kind, reason, message) in more {
        verdicts.push(verdict(*kind, ConditionStatus::True, *reason, message));
    }
    verdicts.sort_by_key(|verdict| verdict.kind);
    verdicts
}

/// The event of a terminal or recoverable reason that is new.
pub(super) fn event(previous: &[Verdict], reason: Reason, message: &str) -> Option<ObjectEvent> {
    let is_told = matches!(reason.class(), Class::Terminal | Class::Recoverable);
    let ready = Verdict::of(previous, ConditionType::Ready);
    let is_new = ready.is_none_or(|ready| ready.reason != reason.as_str());
    (is_told && is_new).then(|| ObjectEvent {
        kind: EventKind::Warning(reason),
        message: message.to_owned(),
    })
}
