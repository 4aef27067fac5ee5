//! The operations that are served.

/// An operation that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    CreateOrganization,
    DeleteOrganization,
    DescribeOrganization,
    ListOrganizations,
    ListTagsForResource,
    ListUsers,
    TagResource,
    UntagResource,
}

impl Operation {
    pub(crate) const ALL: [Self; 8] = [
        Self::CreateOrganization,
        Self::DeleteOrganization,
        Self::DescribeOrganization,
        Self::ListOrganizations,
        Self::ListTagsForResource,
        Self::ListUsers,
        Self::TagResource,
        Self::UntagResource,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateOrganization => "CreateOrganization",
            Self::DeleteOrganization => "DeleteOrganization",
            Self::DescribeOrganization => "DescribeOrganization",
            Self::ListOrganizations => "ListOrganizations",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::ListUsers => "ListUsers",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }
}
