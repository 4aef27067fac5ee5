//! The operations that are served.

macro_rules! operations {
    ($($name:ident,)*) => {
        /// An operation that is served.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Operation {
            $($name,)*
        }

        impl Operation {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

operations! {
    CancelMailboxExportJob,
    CreateOrganization,
    DeleteOrganization,
    DeregisterMailDomain,
    DescribeGroup,
    DescribeMailboxExportJob,
    DescribeOrganization,
    DescribeResource,
    DescribeUser,
    GetMailDomain,
    GetMailboxDetails,
    ListAliases,
    ListGroups,
    ListMailDomains,
    ListMailboxExportJobs,
    ListOrganizations,
    ListResources,
    ListTagsForResource,
    ListUsers,
    RegisterMailDomain,
    StartMailboxExportJob,
    TagResource,
    UntagResource,
    UpdateDefaultMailDomain,
}

impl Operation {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|operation| operation.name() == name)
    }
}
