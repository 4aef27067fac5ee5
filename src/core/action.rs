//! What `decide` can ask for, and what can come of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccountId, Failure, Listing, Organization, OrganizationId, Scope, Sight, Tags, Trouble,
};
use crate::api::{CreateInput, Origin, PendingOperation, Reason};

/// The next step. The driver takes exactly one, folds its answer in, and decides again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look at something. Changes nothing anywhere.
    Look(Look),
    /// Put our finalizer on the object, if the view of it is fresh.
    AddFinalizer,
    /// Take our finalizer off the object, if the view of it is fresh.
    RemoveFinalizer(Release),
    /// Note that a call is about to be made. Changes the view only; the save follows.
    Intend(PendingOperation),
    /// Note whose organization this is. Changes the view only; the save follows.
    Claim(OrganizationId, Origin),
    /// Note which tag keys are about to be written. Changes the view only; the save follows.
    Manage(BTreeSet<String>),
    /// Note that a recorded create has come to nothing. Changes the view only.
    Forget,
    /// Write what is remembered to the status.
    Save(SaveAs),
    /// Make a call that changes something in AWS.
    Call(Call),
    /// Done for now.
    Rest(Outcome),
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    /// Which account the credentials are of.
    Account,
    /// This object's part of a complete listing; `fresh`: begun now.
    Listing {
        /// Begun now, not one of the last resync interval.
        fresh: bool,
    },
    /// One organization whole.
    Organization(OrganizationId),
    /// The tags of one organization.
    Tags(OrganizationId),
    /// Whether the namespace and the CRD stay.
    Scope,
    /// Whether the object still is what the view was made of, by a live read. If it is not, the
    /// reconcile ends and begins anew.
    Object,
}

/// How the status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaveAs {
    /// An intent: only if the view of the object is fresh, and with the conditions as they were.
    Intent,
    /// An answer: it must not be lost, whatever became of the object meanwhile.
    Answer,
}

/// A call that changes something in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `CreateOrganization`, with the UID as client token.
    Create {
        /// The alias.
        alias: String,
        /// The recorded input.
        input: CreateInput,
        /// The object's UID.
        token: String,
    },
    /// `TagResource`.
    Tag {
        /// Which organization.
        id: OrganizationId,
        /// The tags to write.
        tags: BTreeMap<String, String>,
    },
    /// `UntagResource`.
    Untag {
        /// Which organization.
        id: OrganizationId,
        /// The keys to remove.
        keys: BTreeSet<String>,
    },
    /// `DeleteOrganization`.
    Delete(DeleteInput),
}

/// The input of `DeleteOrganization`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeleteInput {
    /// Which organization.
    pub id: OrganizationId,
    /// The directory too.
    pub delete_directory: bool,
    /// Although there are enabled users.
    pub force: bool,
    /// The IAM Identity Center application too.
    pub delete_identity_center_application: bool,
    /// The client token: the same for a repeat, another for a new intent.
    pub token: String,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The account of the credentials.
    Account(AccountId),
    /// The object's part of a listing.
    Listing(Listing),
    /// An organization, or its absence.
    Organization(Sight<Organization>),
    /// An organization's tags.
    Tags(Tags),
    /// Whether the namespace and the CRD stay.
    Scope(Scope),
    /// The object still is what the view was made of.
    Current,
    /// The finalizer is on the object.
    FinalizerAdded,
    /// The finalizer is off the object.
    FinalizerRemoved(Release),
    /// The status is written.
    Saved,
    /// `CreateOrganization` gave this id.
    Created(OrganizationId),
    /// These tags are written.
    Tagged(BTreeMap<String, String>),
    /// These keys are removed.
    Untagged(BTreeSet<String>),
    /// `DeleteOrganization` was accepted.
    DeleteAccepted,
    /// AWS said no, and did nothing.
    Refused(Failure),
    /// It could not be looked, or there was no answer to a change.
    Failed {
        /// What to tell.
        failure: Failure,
        /// AWS certainly did nothing.
        did_nothing: bool,
    },
}

impl Answer {
    /// The answer to a call that did not succeed.
    #[must_use]
    pub fn of_trouble(trouble: &Trouble, failure: Failure) -> Self {
        match trouble {
            Trouble::Refused { .. } => Self::Refused(failure),
            Trouble::Throttled
            | Trouble::TimedOut
            | Trouble::Unreachable
            | Trouble::ServerFault
            | Trouble::Undecodable
            | Trouble::NoCredentials => Self::Failed {
                failure,
                did_nothing: trouble.did_nothing(),
            },
        }
    }
}

/// How far along an object is while nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not looked yet.
    Progressing,
    /// The create was accepted.
    Requested,
    /// AWS is building it.
    Creating,
    /// It is being deleted.
    Deleting,
}

impl Phase {
    /// The condition's reason.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Progressing => Reason::Progressing,
            Self::Requested => Reason::Requested,
            Self::Creating => Reason::Creating,
            Self::Deleting => Reason::Deleting,
        }
    }
}

/// Where a reconcile comes to rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Active, and AWS holds what the spec says.
    Active,
    /// Under way.
    Progress {
        /// How far along.
        phase: Phase,
        /// The sentence for people.
        message: String,
    },
    /// Being deleted: the organization of a pending create is looked for.
    Searching,
    /// The organization was missing once, or is too young to be missing: nothing is concluded.
    Unconfirmed,
    /// Something is wrong.
    Failed(Failure),
    /// `spec.suspend`.
    Suspended,
    /// The service has ended.
    Ended,
    /// The finalizer went, and the object with it.
    Released(Release),
    /// The object is being deleted and waits for others, not for us.
    Gone,
}

/// What becomes of the organization when the object is let go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// There never was one.
    NeverCreated,
    /// It stays, and why.
    Retained(Retained),
    /// It was deleted.
    Deleted {
        /// The directory that stays, where it is known.
        directory_left: Option<String>,
    },
    /// The finalizer goes because the policy is Retain again; the object stays.
    PolicyRetain,
}

/// Why an organization stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retained {
    /// The policy says so.
    Policy,
    /// The whole namespace is being deleted.
    NamespaceLeaves,
    /// The CRD is being deleted.
    DefinitionLeaves,
    /// The service has ended.
    EndOfService,
}
