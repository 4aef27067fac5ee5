//! Which mailboxes are exported, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{Entity, EntityState, Rank};
use crate::{api::MailboxSelection, logic::schedule::DISABLED_KEPT};

/// An export has at most this many mailboxes.
pub const MOST_MAILBOXES: usize = 20_000;

/// What a spec selects of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The users and resources that are exported, those that go first first.
    pub entities: Vec<Entity>,
    /// Names of `mailboxes.include` that nobody has.
    pub unknown: Vec<String>,
}

/// Returns the users and resources that are exported.
#[must_use]
pub fn select(directory: &[Entity], selection: &MailboxSelection, now: Timestamp) -> Selection {
    let MailboxSelection {
        include,
        exclude,
        disabled,
    } = selection;
    let (include, exclude) = (Words::of(include), Words::of(exclude));
    let mut entities: Vec<_> = directory
        .iter()
        .filter(|entity| has_mailbox(entity, *disabled, now))
        .filter(|entity| include.is_empty() || include.name(entity))
        .filter(|entity| !exclude.name(entity))
        .cloned()
        .collect();
    sort(&mut entities);
    Selection {
        entities,
        unknown: include.unknown(directory),
    }
}

/// Whether the spec leaves a user or resource out by its name. One that has left the directory, or whose
/// mail is not kept any more, is not left out by that.
pub(super) fn is_left_out(entity: &Entity, selection: &MailboxSelection) -> bool {
    let named = |words: &[String]| words.iter().any(|word| entity.is_called(word));
    named(&selection.exclude) || !selection.include.is_empty() && !named(&selection.include)
}

/// Names of users and resources, in lower case.
struct Words<'a>(BTreeMap<String, &'a str>);

impl<'a> Words<'a> {
    fn of(words: &'a [String]) -> Self {
        let words = words.iter();
        Self(
            words
                .map(|word| (word.to_lowercase(), word.as_str()))
                .collect(),
        )
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of_entity(entity: &Entity) -> impl Iterator<Item = String> {
        let words = [Some(&entity.id), Some(&entity.name), entity.email.as_ref()];
        let words = words.into_iter().flatten();
        words.map(|word| word.to_lowercase())
    }

    fn name(&self, entity: &Entity) -> bool {
        Self::of_entity(entity).any(|word| self.0.contains_key(&word))
    }

    /// Those that nobody has.
    fn unknown(&self, directory: &[Entity]) -> Vec<String> {
        let known: BTreeSet<_> = if self.is_empty() {
            BTreeSet::new()
        } else {
            directory.iter().flat_map(Self::of_entity).collect()
        };
        let words = self.0.iter();
        words
            .filter(|(word, _)| !known.contains(*word))
            .map(|(_, word)| (*word).to_owned())
            .collect()
    }
}

/// Sorts by what is lost soonest, then the largest.
fn sort(entities: &mut [Entity]) {
    entities.sort_by_cached_key(|entity| {
        (
            Rank::of(
                entity.disabled_at.filter(|_| is_disabled(entity)),
                entity.bytes,
            ),
            entity.id.clone(),
        )
    });
}

fn is_disabled(entity: &Entity) -> bool {
    entity.state == EntityState::Disabled
}

/// Whether AWS keeps mail of it.
fn has_mailbox(entity: &Entity, disabled_too: bool, now: Timestamp) -> bool {
    match entity.state {
        EntityState::Enabled => true,
        EntityState::Disabled => {
            let kept = SignedDuration::try_from(DISABLED_KEPT).unwrap_or(SignedDuration::MAX);
            let since = entity.disabled_at.map(|at| now.duration_since(at));
            disabled_too && since.is_some_and(|since| since <= kept)
        }
        EntityState::Deleted => false,
    }
}

/// Returns the mailbox that goes first: the one that is named, else the smallest that is not empty of the
/// first 20 users. `tried` and `recent` are left out: they cannot be exported now.
pub(super) fn canary<'a>(
    selected: &'a [Entity],
    named: Option<&str>,
    left_out: &BTreeSet<&str>,
) -> Option<&'a Entity> {
    let possible = || {
        selected
            .iter()
            .filter(|one| !left_out.contains(one.id.as_str()))
    };
    if let Some(word) = named
        && let Some(entity) = possible().find(|entity| entity.is_called(word))
    {
        return Some(entity);
    }
    let sized = possible().filter(|one| one.bytes.is_some_and(|bytes| bytes > 0));
    sized
        .min_by_key(|one| (one.bytes, &one.id))
        .or_else(|| possible().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::export::EntityKind;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    fn user(name: &str, bytes: u64) -> Entity {
        Entity {
            id: format!("S-{name}"),
            kind: EntityKind::User,
            name: name.to_owned(),
            email: Some(format!("{name}@acme.example")),
            display_name: None,
            state: EntityState::Enabled,
            disabled_at: None,
            bytes: Some(bytes),
        }
    }

    fn disabled(name: &str, day: i64) -> Entity {
        Entity {
            state: EntityState::Disabled,
            disabled_at: Some(at(day)),
            ..user(name, 1)
        }
    }

    fn names(selected: &[Entity]) -> Vec<&str> {
        selected.iter().map(|entity| entity.name.as_str()).collect()
    }

    #[test]
    fn what_is_lost_soonest_goes_first_and_what_has_no_mail_any_more_is_left_out() {
        let never = Entity {
            state: EntityState::Disabled,
            ..user("never", 1)
        };
        let deleted = Entity {
            state: EntityState::Deleted,
            ..user("deleted", 1)
        };
        let directory = [
            user("small", 1),
            user("large", 9),
            disabled("late", 20),
            disabled("soon", 5),
            disabled("lost", -1),
            never,
            deleted,
        ];
        let selected = select(&directory, &MailboxSelection::default(), at(30)).entities;
        assert_eq!(names(&selected), ["soon", "late", "large", "small"]);
        let enabled = MailboxSelection {
            disabled: false,
            ..MailboxSelection::default()
        };
        let selected = select(&directory, &enabled, at(30)).entities;
        assert_eq!(names(&selected), ["large", "small"]);
    }

    #[test]
    fn names_count_in_any_case_and_a_name_that_nobody_has_is_told() {
        let directory = [user("ada", 1)];
        let of = |include: &[&str], exclude: &[&str]| {
            let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
            let selection = MailboxSelection {
                include: words(include),
                exclude: words(exclude),
                disabled: true,
            };
            select(&directory, &selection, at(0))
        };
        assert_eq!(of(&["Bob", "ada"], &[]).unknown, ["Bob"]);
        assert_eq!(of(&[], &["ADA@acme.example"]), Selection::default());
        assert_eq!(names(&of(&["S-ada"], &[]).entities), ["ada"]);
        assert_eq!(names(&of(&["ADA"], &[]).entities), ["ada"]);
    }

    #[test]
    fn the_canary_is_the_named_one_and_else_the_smallest_that_is_not_empty() {
        let users = [user("big", 9), user("empty", 0), user("small", 2)];
        let none = BTreeSet::new();
        let name = |word, left_out| canary(&users, word, left_out).map(|one| one.name.as_str());
        assert_eq!(name(Some("big"), &none), Some("big"));
        assert_eq!(name(None, &none), Some("small"));
        let tried: BTreeSet<_> = ["S-small", "S-big"].into();
        assert_eq!(name(Some("big"), &tried), Some("empty"));
    }
}
