//! A small model of the API server: objects with versions, conflicts and finalizers.

use std::collections::BTreeMap;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use workmail_operator::{
    api::{
        AdoptionPolicy, Deletion, DeletionPolicy, FINALIZER, ManagementPolicy,
        RECONCILE_REQUESTED_AT, TAKE_OVER, WorkMailOrganization, WorkMailOrganizationSpec,
    },
    logic::{
        Region,
        organization::{Desired, Recorded},
    },
};

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) uid: String,
    pub(crate) created: Timestamp,
    pub(crate) generation: i64,
    pub(crate) version: u64,
    pub(crate) spec: WorkMailOrganizationSpec,
    pub(crate) requested: Option<String>,
    pub(crate) take_over: Option<&'static str>,
    pub(crate) finalizer: bool,
    pub(crate) deleting: bool,
    pub(crate) status: Recorded,
    /// Somebody has removed the status at some time.
    pub(crate) wiped: bool,
}

impl Object {
    pub(crate) fn desired(&self) -> Desired {
        let mut object = WorkMailOrganization::new(self.name, self.spec.clone());
        let metadata = &mut object.metadata;
        metadata.namespace = Some("mail".into());
        metadata.uid = Some(self.uid.clone());
        metadata.generation = Some(self.generation);
        metadata.creation_timestamp = Some(Time(self.created));
        metadata.finalizers = self.finalizer.then(|| vec![FINALIZER.to_owned()]);
        metadata.deletion_timestamp = self.deleting.then_some(Time(self.created));
        let annotations = [
            (RECONCILE_REQUESTED_AT, self.requested.clone()),
            (TAKE_OVER, self.take_over.map(str::to_owned)),
        ];
        let present = annotations
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        metadata.annotations = Some(
            present
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        );
        Desired::parse(&object, Some(&Region::from("us-east-1"))).unwrap()
    }

    /// A deletion under policy Delete has begun.
    pub(crate) fn leaves(&self) -> bool {
        self.deleting && self.finalizer && self.spec.deletion_policy == DeletionPolicy::Delete
    }
}

/// What a write comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Yes,
    /// Nothing was different, so there is no new version.
    Same,
    Conflict,
    Gone,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    pub(crate) objects: Vec<Option<Object>>,
    /// Every version of the present objects: what a stale cache may still show.
    pub(crate) versions: Vec<Object>,
    pub(crate) namespace_leaves: bool,
    pub(crate) definition_leaves: bool,
    clock: u64,
    serial: u32,
}

impl Server {
    pub(crate) fn create(&mut self, slot: usize, policy: DeletionPolicy, now: Timestamp) {
        self.serial += 1;
        let object = Object {
            name: ["acme", "other"][slot],
            uid: format!("00000000-0000-4000-8000-{:012x}", self.serial),
            created: now,
            generation: 1,
            version: 0,
            spec: spec(policy),
            requested: None,
            take_over: None,
            finalizer: false,
            deleting: false,
            status: Recorded::default(),
            wiped: false,
        };
        if self.objects.len() <= slot {
            self.objects.resize(slot + 1, None);
        }
        self.objects[slot] = Some(object);
        self.touch(slot);
    }

    fn touch(&mut self, slot: usize) {
        self.clock += 1;
        if let Some(object) = &mut self.objects[slot] {
            object.version = self.clock;
            self.versions.push(object.clone());
        }
    }

    /// A user's change of the spec.
    pub(crate) fn edit(&mut self, slot: usize, change: impl FnOnce(&mut WorkMailOrganizationSpec)) {
        if let Some(Some(object)) = self.objects.get_mut(slot) {
            let before = object.spec.clone();
            change(&mut object.spec);
            if object.spec != before {
                object.generation += 1;
                self.touch(slot);
            }
        }
    }

    /// Any other change by somebody else.
    pub(crate) fn alter(&mut self, slot: usize, change: impl FnOnce(&mut Object)) {
        if let Some(Some(object)) = self.objects.get_mut(slot) {
            change(object);
            self.touch(slot);
        }
    }

    pub(crate) fn delete(&mut self, slot: usize) {
        let Some(present) = self.objects.get_mut(slot) else {
            return;
        };
        match present {
            Some(object) if object.finalizer && object.deleting => {}
            Some(object) if object.finalizer => {
                object.deleting = true;
                // As the API server does for every object with a generation.
                object.generation += 1;
                self.touch(slot);
            }
            Some(_) => *present = None,
            None => {}
        }
    }

    pub(crate) fn get(&self, uid: &str) -> Option<&Object> {
        self.objects
            .iter()
            .flatten()
            .find(|object| object.uid == uid)
    }

    /// Our write of a status; `version`: only over this one.
    pub(crate) fn write(&mut self, uid: &str, version: Option<u64>, status: &Recorded) -> Written {
        self.ours(uid, version, |object| {
            let differs = object.status != *status;
            object.status = status.clone();
            differs
        })
    }

    pub(crate) fn set_finalizer(&mut self, uid: &str, version: u64, on: bool) -> Written {
        let written = self.ours(uid, Some(version), |object| {
            let differs = object.finalizer != on;
            object.finalizer = on;
            differs
        });
        for object in &mut self.objects {
            if object
                .as_ref()
                .is_some_and(|one| one.deleting && !one.finalizer)
            {
                *object = None;
            }
        }
        written
    }

    fn ours(
        &mut self,
        uid: &str,
        version: Option<u64>,
        change: impl FnOnce(&mut Object) -> bool,
    ) -> Written {
        let found = self
            .objects
            .iter()
            .position(|object| object.as_ref().is_some_and(|object| object.uid == uid));
        let Some(slot) = found else {
            return Written::Gone;
        };
        let object = self.objects[slot].as_mut().unwrap();
        if version.is_some_and(|version| version != object.version) {
            return Written::Conflict;
        }
        if change(object) {
            self.touch(slot);
            Written::Yes
        } else {
            Written::Same
        }
    }
}

fn spec(policy: DeletionPolicy) -> WorkMailOrganizationSpec {
    WorkMailOrganizationSpec {
        alias: "acme".into(),
        region: None,
        account_ref: None,
        directory_id: None,
        kms_key_arn: None,
        enable_interoperability: false,
        domains: Vec::new(),
        default_domain: None,
        dns: None,
        tags: BTreeMap::new(),
        adoption_policy: AdoptionPolicy::Create,
        organization_id: None,
        management_policy: ManagementPolicy::Full,
        suspend: false,
        deletion_policy: policy,
        deletion: Some(Deletion {
            confirm_alias: Some("acme".into()),
            ..Deletion::default()
        }),
    }
}
