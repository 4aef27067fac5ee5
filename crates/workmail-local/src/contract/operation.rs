//! The operations that are served.

/// An operation that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    CreateOrganization,
    DeleteOrganization,
    DeregisterMailDomain,
    DescribeOrganization,
    GetMailDomain,
    ListMailDomains,
    ListOrganizations,
    ListTagsForResource,
    ListUsers,
    RegisterMailDomain,
    TagResource,
    UntagResource,
    UpdateDefaultMailDomain,
}

impl Operation {
    pub(crate) const ALL: [Self; 13] = [
        Self::CreateOrganization,
        Self::DeleteOrganization,
        Self::DeregisterMailDomain,
        Self::DescribeOrganization,
        Self::GetMailDomain,
        Self::ListMailDomains,
        Self::ListOrganizations,
        Self::ListTagsForResource,
        Self::ListUsers,
        Self::RegisterMailDomain,
        Self::TagResource,
        Self::UntagResource,
        Self::UpdateDefaultMailDomain,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateOrganization => "CreateOrganization",
            Self::DeleteOrganization => "DeleteOrganization",
            Self::DeregisterMailDomain => "DeregisterMailDomain",
            Self::DescribeOrganization => "DescribeOrganization",
            Self::GetMailDomain => "GetMailDomain",
            Self::ListMailDomains => "ListMailDomains",
            Self::ListOrganizations => "ListOrganizations",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::ListUsers => "ListUsers",
            Self::RegisterMailDomain => "RegisterMailDomain",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::UpdateDefaultMailDomain => "UpdateDefaultMailDomain",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }
}
