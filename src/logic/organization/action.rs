//! What `decide` can ask for, and what can come of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{
    AccountId, DnsEntry, DomainReading, Endpoint, ErrorKind, Failure, Listing, Operation,
    Organization, OrganizationId, Reading, Scope, Tags,
};
use crate::{
    api::{CreateInput, Origin, PendingOperation, Reason, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE},
    logic::gate::{self, Closing},
};

/// The next step. The driver takes exactly one, folds its answer in, and decides again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read something. Changes nothing.
    Read(Read),
    /// Put our finalizer on the object, if the view of it is fresh.
    AddFinalizer,
    /// Take our finalizer off the object, if the view of it is fresh.
    RemoveFinalizer(Release),
    /// Record that a call is about to be made. Changes the view only; the save follows.
    Intend(PendingOperation),
    /// Record whose organization this is. Changes the view only; the save follows.
    Claim(OrganizationId, Origin),
    /// Record in which account and region a call is about to be made. Changes the view only; the save
    /// follows.
    Freeze,
    /// Record which tag keys are about to be written. Changes the view only; the save follows.
    Manage(BTreeSet<String>),
    /// Record which domains are about to be registered. Changes the view only; the save follows.
    ManageDomains(BTreeSet<String>),
    /// Record that a recorded create has come to nothing. Changes the view only.
    Forget,
    /// Write what is remembered to the status.
    Save(SaveAs),
    /// Make a call that changes something in AWS.
    Call(Call),
    /// Write `closing.json` beside the exports.
    WriteClosing(Box<Closing>),
    /// Make the `DNSEndpoint` hold these entries, or, without any, remove it.
    KeepEndpoint(Vec<DnsEntry>),
    /// End this reconcile.
    Finish(Outcome),
}

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// Which account the credentials are of.
    Account,
    /// This object's part of a complete listing.
    Listing {
        /// One that is fresh ([`Listing::fresh`]), not any of the last resync interval.
        fresh: bool,
    },
    /// The description of one organization.
    Organization(OrganizationId),
    /// The tags of one organization.
    Tags(OrganizationId),
    /// Whether the object of this cluster that the tags name exists, by a live read.
    Owner {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The mail domains of one organization.
    Domains {
        /// Which organization.
        id: OrganizationId,
        /// Read the list, too; else only the details.
        list: bool,
        /// Read the details of those of these that are there.
        details: BTreeSet<String>,
    },
    /// Whether a user, a group or a resource has its primary address in a mail domain.
    Addresses {
        /// Which organization.
        id: OrganizationId,
        /// The domain.
        domain: String,
    },
    /// The `DNSEndpoint`, by a live read.
    Endpoint,
    /// The exports of one organization, and, where a deletion waits for them, its users and resources.
    Gate {
        /// Which organization.
        id: OrganizationId,
        /// The users and resources, too.
        mailboxes: bool,
        /// By reads that are begun now, and not from a cache.
        fresh: bool,
    },
    /// The objects of these exports, and the sizes of their mailboxes, as far as there is time for it.
    Checks {
        /// Which organization.
        id: OrganizationId,
        /// The exports, in the order in which they are checked.
        checks: Arc<[gate::Check]>,
        /// How many of them are checked already.
        skip: usize,
    },
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
    /// `RegisterMailDomain`.
    Register {
        /// Which organization.
        id: OrganizationId,
        /// The domain.
        domain: String,
    },
    /// `UpdateDefaultMailDomain`.
    SetDefault {
        /// Which organization.
        id: OrganizationId,
        /// The domain.
        domain: String,
    },
    /// `DeregisterMailDomain`.
    Deregister {
        /// Which organization.
        id: OrganizationId,
        /// The domain.
        domain: String,
    },
    /// `DeleteOrganization`.
    Delete(DeleteInput),
}

impl Call {
    /// The call's operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Create { .. } => Operation::CreateOrganization,
            Self::Tag { .. } => Operation::TagResource,
            Self::Untag { .. } => Operation::UntagResource,
            Self::Register { .. } => Operation::RegisterMailDomain,
            Self::SetDefault { .. } => Operation::UpdateDefaultMailDomain,
            Self::Deregister { .. } => Operation::DeregisterMailDomain,
            Self::Delete(_) => Operation::DeleteOrganization,
        }
    }

    /// The answer of success, where it is known before the call.
    #[must_use]
    pub fn success(&self) -> Option<Answer> {
        match self {
            Self::Create { .. } => None,
            Self::Tag { tags, .. } => Some(Answer::Tagged(tags.clone())),
            Self::Untag { keys, .. } => Some(Answer::Untagged(keys.clone())),
            Self::Register { domain, .. } => Some(Answer::Registered(domain.clone())),
            Self::SetDefault { domain, .. } => Some(Answer::DefaultSet(domain.clone())),
            Self::Deregister { domain, .. } => Some(Answer::Deregistered(domain.clone())),
            Self::Delete(_) => Some(Answer::DeleteAccepted),
        }
    }
}

/// A step of changing an organization's tags. Each is a call of its own, so that what AWS refuses of one
/// does not stop the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TagStep {
    /// Write the ownership tags.
    Mark,
    /// Remove the user's tags that left the spec.
    Remove,
    /// Write the user's tags.
    Set,
}

impl TagStep {
    /// The step that this call is, if it changes tags.
    #[must_use]
    pub fn of(call: &Call) -> Option<Self> {
        let is_mark = |key: &String| [TAG_CLUSTER, TAG_NAMESPACE, TAG_NAME].contains(&key.as_str());
        match call {
            Call::Tag { tags, .. } if tags.keys().all(is_mark) => Some(Self::Mark),
            Call::Tag { .. } => Some(Self::Set),
            Call::Untag { .. } => Some(Self::Remove),
            Call::Create { .. }
            | Call::Register { .. }
            | Call::SetDefault { .. }
            | Call::Deregister { .. }
            | Call::Delete(_) => None,
        }
    }
}

/// The call as it stands in `status.plannedCalls`: the operation and what it is about.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation().as_str())?;
        let keys: Vec<&str> = match self {
            Self::Create { alias, .. } => vec![alias],
            Self::Tag { tags, .. } => tags.keys().map(String::as_str).collect(),
            Self::Untag { keys, .. } => keys.iter().map(String::as_str).collect(),
            Self::Register { domain, .. }
            | Self::SetDefault { domain, .. }
            | Self::Deregister { domain, .. } => vec![domain],
            Self::Delete(input) => vec![input.id.as_str()],
        };
        write!(f, " {}", keys.join(", "))
    }
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
    Organization(Reading<Organization>),
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
    /// Whether the object of this cluster that the tags name exists.
    OwnerLives(bool),
    /// The mail domains.
    Domains(DomainReading),
    /// Whether somebody has the primary address in this domain.
    Addresses {
        /// The domain.
        domain: String,
        /// The first user, group or resource that has, as it stands in messages.
        holder: Option<String>,
    },
    /// The exports, and the users and resources where they were asked for.
    Gate(Arc<gate::Reading>),
    /// What was found of the exports that were checked, and why that were not all of them where it was not
    /// for the time alone.
    Checks {
        /// What was found now and lately.
        found: gate::Checks,
        /// Why a check could not be made.
        failure: Option<Failure>,
    },
    /// `closing.json` is written.
    ClosingWritten,
    /// The `DNSEndpoint`.
    Endpoint(Endpoint),
    /// The `DNSEndpoint` holds these entries, or is removed.
    EndpointKept(Vec<DnsEntry>),
    /// This domain is registered.
    Registered(String),
    /// This domain is the default.
    DefaultSet(String),
    /// This domain is not registered any more.
    Deregistered(String),
    /// `DeleteOrganization` was accepted.
    DeleteAccepted,
    /// AWS said no, and did nothing.
    Refused(Failure),
    /// A read failed, or there was no answer to a change.
    Failed {
        /// What to report.
        failure: Failure,
        /// AWS certainly did nothing.
        did_nothing: bool,
    },
}

impl Answer {
    /// Whether AWS certainly did nothing.
    #[must_use]
    pub const fn did_nothing(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Failed {
                    did_nothing: true,
                    ..
                }
        )
    }

    /// The answer to a call that did not succeed.
    #[must_use]
    pub fn of_error(trouble: &ErrorKind, failure: Failure) -> Self {
        match trouble {
            ErrorKind::Refused { .. } => Self::Refused(failure),
            ErrorKind::Throttled
            | ErrorKind::TimedOut
            | ErrorKind::Unreachable
            | ErrorKind::ServerFault
            | ErrorKind::Undecodable
            | ErrorKind::NoCredentials { .. } => Self::Failed {
                failure,
                did_nothing: trouble.did_nothing(),
            },
        }
    }
}

/// How far along an object is while nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not read yet.
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

/// The outcome of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Active, and AWS holds what the spec says.
    Active,
    /// Active and under Observe; and how AWS differs from the spec, if it does.
    Observed(Option<Failure>),
    /// Under Observe, and nothing has changed since the last read.
    Unchanged,
    /// Ownership tags were written; they are read once more before anything else is done.
    Claiming,
    /// Under way.
    Progress {
        /// How far along.
        phase: Phase,
        /// The sentence for people.
        message: String,
    },
    /// Being deleted: the exports are checked once more, which goes on.
    Checking,
    /// Being deleted: the organization of a pending create is searched for.
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
    /// The namespace was deleted and made anew.
    NamespaceRemade,
    /// The CRD is being deleted.
    DefinitionLeaves,
    /// The CRD was deleted and made anew.
    DefinitionRemade,
    /// The service has ended.
    EndOfService,
}
