//! The difference between the tags an organization should have and those it has.

use std::collections::{BTreeMap, BTreeSet};

use super::{ClusterIdentity, ObjectKey, ownership::marks};

/// What has to be done to an organization's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TagPlan {
    /// Ownership tags to write, in a call of their own: what AWS refuses of the user's tags never keeps
    /// an organization unmarked.
    pub marks: BTreeMap<String, String>,
    /// Tags of the user to write.
    pub set: BTreeMap<String, String>,
    /// Keys to remove: we wrote them first, and the user took them from the spec.
    pub remove: BTreeSet<String>,
    /// The keys that are managed once the plan is recorded: what existed before is never managed.
    pub managed: BTreeSet<String>,
}

impl TagPlan {
    /// Compares. `managed` are the keys recorded so far.
    #[must_use]
    pub fn new(
        desired: &BTreeMap<String, String>,
        actual: &BTreeMap<String, String>,
        managed: &BTreeSet<String>,
        cluster: &ClusterIdentity,
        object: &ObjectKey,
    ) -> Self {
        let differs = |(key, value): &(String, String)| actual.get(key) != Some(value);
        let marks = marks(cluster, object)
            .into_iter()
            // A former name of the cluster marks it as ours, and is rewritten.
            .map(|(key, value)| (key.to_owned(), value))
            .filter(differs)
            .collect();
        let set = desired.clone().into_iter().filter(differs).collect();
        let remove: BTreeSet<String> = managed
            .iter()
            .filter(|key| actual.contains_key(*key) && !desired.contains_key(*key))
            .cloned()
            .collect();
        let managed = desired
            .keys()
            .filter(|key| managed.contains(*key) || !actual.contains_key(*key))
            .chain(&remove)
            .cloned()
            .collect();
        Self {
            marks,
            set,
            remove,
            managed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::TAG_CLUSTER, logic::organization::testing};

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn plan(desired: &[(&str, &str)], actual: &[(&str, &str)], managed: &[&str]) -> TagPlan {
        let mut actual = map(actual);
        actual.extend(testing::ownership_tags());
        TagPlan::new(
            &map(desired),
            &actual,
            &managed.iter().map(|key| (*key).to_owned()).collect(),
            &testing::cluster(),
            &testing::object(),
        )
    }

    #[test]
    fn a_new_key_is_written_and_managed() {
        let plan = plan(&[("team", "a")], &[], &[]);
        assert_eq!(plan.set, map(&[("team", "a")]));
        assert!(plan.managed.contains("team"));
        assert!(plan.remove.is_empty());
    }

    #[test]
    fn a_key_that_existed_before_is_overwritten_but_never_managed() {
        let plan = plan(&[("team", "a")], &[("team", "b")], &[]);
        assert_eq!(plan.set, map(&[("team", "a")]));
        assert!(plan.managed.is_empty());
    }

    #[test]
    fn only_a_managed_key_leaves_and_others_are_left_alone() {
        let plan = plan(&[], &[("team", "a"), ("cost", "b")], &["team"]);
        assert_eq!(plan.remove, BTreeSet::from(["team".to_owned()]));
        assert!(plan.set.is_empty());
    }

    #[test]
    fn tags_that_are_as_they_should_be_need_nothing() {
        let plan = plan(&[("team", "a")], &[("team", "a")], &["team"]);
        assert!(plan.marks.is_empty() && plan.set.is_empty() && plan.remove.is_empty());
    }

    #[test]
    fn ownership_tags_that_somebody_removed_are_written_again() {
        let plan = TagPlan::new(
            &map(&[]),
            &map(&[]),
            &BTreeSet::new(),
            &testing::cluster(),
            &testing::object(),
        );
        assert_eq!(plan.marks, testing::ownership_tags());
        assert!(plan.set.is_empty(), "they are written by themselves");
        assert!(plan.managed.is_empty(), "ownership tags are not the user's");
    }

    #[test]
    fn a_cluster_tag_with_a_former_name_of_this_cluster_is_rewritten() {
        let mut actual = testing::ownership_tags();
        actual.insert(TAG_CLUSTER.to_owned(), testing::FORMER_CLUSTER.to_owned());
        let plan = TagPlan::new(
            &map(&[]),
            &actual,
            &BTreeSet::new(),
            &testing::cluster(),
            &testing::object(),
        );
        assert_eq!(plan.marks, map(&[(TAG_CLUSTER, "prod")]));
    }
}
