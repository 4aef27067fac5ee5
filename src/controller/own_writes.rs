//! Tells the operator's own writes of an object from those of others: only the latter make a reconcile due.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
};

use kube::ResourceExt;

use crate::api::{FINALIZER, RECONCILE_REQUESTED_AT, TAKE_OVER, WorkMailOrganization};

/// As many writes of an object are on their way to the watch at most; it shows them within a second.
const MOST_ON_THEIR_WAY: usize = 16;

/// Returns a hash of what only others write and a reconcile depends on.
pub(super) fn written_by_others(object: &WorkMailOrganization) -> u64 {
    let mut hasher = DefaultHasher::new();
    object.metadata.generation.hash(&mut hasher);
    let is_deleting = object.metadata.deletion_timestamp.is_some();
    is_deleting.hash(&mut hasher);
    for annotation in [RECONCILE_REQUESTED_AT, TAKE_OVER] {
        object.annotations().get(annotation).hash(&mut hasher);
    }
    hasher.finish()
}

/// Returns a hash of what the operator writes: the status and the finalizer.
pub(super) fn written_by_us(object: &WorkMailOrganization) -> u64 {
    let mut hasher = DefaultHasher::new();
    let has_finalizer = object.finalizers().iter().any(|one| one == FINALIZER);
    has_finalizer.hash(&mut hasher);
    // Writing to a hasher does not fail, and a status always is JSON.
    let _ = serde_json::to_writer(Hashed(&mut hasher), &object.status);
    hasher.finish()
}

/// Hashes what is written to it.
struct Hashed<'a>(&'a mut DefaultHasher);

impl io::Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the watch has shown of an object, and which of our own writes it has yet to show.
#[derive(Debug, Default)]
pub(super) struct Seen {
    by_others: Option<u64>,
    by_us: Option<u64>,
    /// In the order of the writes. Known before each write is sent: the watch may be faster than its
    /// answer.
    on_their_way: Vec<u64>,
}

impl Seen {
    /// A write of our own is about to be sent, or is answered with this.
    pub(super) fn expect(&mut self, by_us: u64) {
        if self.on_their_way.last() == Some(&by_us) {
            return;
        }
        if self.on_their_way.len() == MOST_ON_THEIR_WAY {
            self.on_their_way.remove(0);
        }
        self.on_their_way.push(by_us);
    }

    /// Records what the watch shows. Returns whether somebody else has changed the object.
    pub(super) fn is_changed_by_others(&mut self, by_others: u64, by_us: u64) -> bool {
        let other_part = self.by_others.replace(by_others) != Some(by_others);
        let our_part = self.by_us.replace(by_us) != Some(by_us) && !self.arrives(by_us);
        other_part || our_part
    }

    /// Whether this is a write of ours. The watch keeps their order: earlier ones are not shown any more.
    fn arrives(&mut self, by_us: u64) -> bool {
        let place = self.on_their_way.iter().position(|one| *one == by_us);
        if let Some(place) = place {
            self.on_their_way.drain(..=place);
        }
        place.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(status: &Value, finalizers: &[&str]) -> WorkMailOrganization {
        serde_json::from_value(json!({
            "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailOrganization",
            "metadata": {"name": "acme", "generation": 1, "finalizers": finalizers},
            "spec": {"alias": "acme"}, "status": status,
        }))
        .unwrap()
    }

    fn state(state: &str) -> WorkMailOrganization {
        object(&json!({"state": state}), &[])
    }

    fn is_changed(seen: &mut Seen, object: &WorkMailOrganization) -> bool {
        seen.is_changed_by_others(written_by_others(object), written_by_us(object))
    }

    /// An object that was seen as it was created.
    fn created() -> Seen {
        let mut seen = Seen::default();
        assert!(is_changed(
            &mut seen,
            &object(&json!({"observedGeneration": -1}), &[])
        ));
        seen
    }

    #[test]
    fn our_own_writes_are_recognized_even_when_the_watch_is_faster_or_slower_than_their_answers() {
        let mut seen = created();
        for word in ["Requested", "Creating", "Active"] {
            seen.expect(written_by_us(&state(word)));
        }
        assert!(!is_changed(&mut seen, &state("Requested")));
        assert!(
            !is_changed(&mut seen, &state("Active")),
            "one was not shown"
        );
        let with_finalizer = object(&json!({"state": "Active"}), &[FINALIZER]);
        seen.expect(written_by_us(&with_finalizer));
        assert!(!is_changed(&mut seen, &with_finalizer));
        assert!(seen.on_their_way.is_empty());
    }

    #[test]
    fn a_status_or_finalizer_that_others_change_is_a_change_by_others() {
        let mut seen = created();
        seen.expect(written_by_us(&state("Creating")));
        seen.expect(written_by_us(&state("Active")));
        assert!(!is_changed(&mut seen, &state("Creating")));
        assert!(!is_changed(&mut seen, &state("Active")));
        assert!(is_changed(&mut seen, &state("Failed")), "changed");
        assert!(is_changed(&mut seen, &object(&Value::Null, &[])), "wiped");
        assert!(is_changed(&mut seen, &state("Creating")), "set back");
        assert!(!is_changed(&mut seen, &state("Creating")), "told once");
        let with_finalizer = object(&json!({"state": "Creating"}), &[FINALIZER]);
        seen.expect(written_by_us(&with_finalizer));
        assert!(!is_changed(&mut seen, &with_finalizer));
        assert!(is_changed(&mut seen, &state("Creating")), "taken off");
    }

    #[test]
    fn a_write_that_the_watch_never_shows_hides_no_change_by_others() {
        let mut seen = created();
        seen.expect(written_by_us(&state("Creating")));
        assert!(is_changed(&mut seen, &state("Failed")));
        for number in 0..100 {
            seen.expect(number);
        }
        assert!(seen.on_their_way.len() <= MOST_ON_THEIR_WAY);
    }
}
