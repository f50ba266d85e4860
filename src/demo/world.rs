//! Who and what there is in the shop: services, regions, builds, countries, people. Tables only.
//! Must not know: when anything happens, how it is written.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Gateway,
    Checkout,
    Cart,
    Search,
    Pricing,
    Tax,
    Payments,
    Inventory,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Checkout => "checkout",
            Self::Cart => "cart",
            Self::Search => "search",
            Self::Pricing => "pricing",
            Self::Tax => "tax",
            Self::Payments => "payments",
            Self::Inventory => "inventory",
        }
    }

    pub(super) fn team(self) -> &'static str {
        match self {
            Self::Gateway => "Team Edge",
            Self::Checkout => "Team Checkout",
            Self::Cart => "Team Cart",
            Self::Search => "Team Search",
            Self::Pricing | Self::Tax => "Team Pricing",
            Self::Payments => "Team Payments",
            Self::Inventory => "Team Warehouse",
        }
    }

    pub(super) fn language(self) -> &'static str {
        match self {
            Self::Payments => "python",
            Self::Search | Self::Gateway => "typescript",
            _ => "rust",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    UsEast,
    EuWest,
    ApSouth,
    Qatar,
}

impl Region {
    /// The shares that the console's pictures show.
    pub(super) const ALL: [(Self, f64); 4] =
        [(Self::UsEast, 0.7281), (Self::EuWest, 0.2200), (Self::ApSouth, 0.0494), (Self::Qatar, 0.0025)];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UsEast => "us-east-1",
            Self::EuWest => "eu-west-1",
            Self::ApSouth => "ap-south-1",
            Self::Qatar => "قطر-1",
        }
    }

    pub(super) fn cluster(self) -> &'static str {
        match self {
            Self::UsEast => "shop-use1",
            Self::EuWest => "shop-euw1",
            Self::ApSouth => "shop-aps1",
            Self::Qatar => "shop-qat1",
        }
    }

    pub(super) fn countries(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::EuWest => &EUROPE,
            Self::UsEast => &AMERICA,
            Self::ApSouth => &ASIA,
            Self::Qatar => &GULF,
        }
    }
}

const UAE: &str = "الإمارات العربية المتحدة";
static EUROPE: [(&str, f64); 14] = [
    ("IE", 20.6),
    ("DE", 19.4),
    ("FR", 13.0),
    ("GB", 12.0),
    ("ES", 8.0),
    ("IT", 7.0),
    ("NL", 5.0),
    (UAE, 4.0),
    ("PL", 3.5),
    ("SE", 2.5),
    ("BE", 2.0),
    ("AT", 1.4),
    ("PT", 1.0),
    ("IL", 0.6),
];
static AMERICA: [(&str, f64); 14] = [
    ("US", 58.0),
    ("DE", 9.0),
    ("CA", 8.0),
    ("IE", 5.4),
    ("MX", 4.5),
    ("BR", 4.0),
    ("GB", 3.0),
    ("IL", 2.0),
    ("AR", 1.5),
    ("CL", 1.2),
    ("CO", 1.2),
    ("PE", 0.8),
    (UAE, 0.5),
    ("JP", 0.9),
];
static ASIA: [(&str, f64); 7] =
    [("IN", 46.0), ("JP", 18.0), ("SG", 12.0), ("TW", 9.0), ("KR", 8.0), ("AU", 5.0), (UAE, 2.0)];
static GULF: [(&str, f64); 3] = [("QA", 70.0), (UAE, 20.0), ("SA", 10.0)];

/// What was built and rolled out together: three fields that always move as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Build {
    pub(super) id: &'static str,
    pub(super) version: &'static str,
    pub(super) sha: &'static str,
}

pub(super) const B33: Build = Build { id: "b-0033", version: "4.33.0", sha: "9a1c07e4d2b8" };
pub(super) const B34: Build = Build { id: "b-0034", version: "4.34.0", sha: "03f7be21a96c" };
pub(super) const B35: Build = Build { id: "b-0035", version: "4.35.0", sha: "c41e88d05f3b" };
pub(super) const B35_HOT: Build = Build {
    id: "b-0035+hotfix.20261118T221904Z.dirty-6f2c0ad91be74c0f8d5a",
    version: "4.35.1-hotfix",
    sha: "6f2c0ad91be7",
};
pub(super) const B36: Build = Build { id: "b-0036", version: "4.36.0", sha: "5b7d93c6e018" };
pub(super) const B37: Build = Build { id: "b-0037", version: "4.37.0", sha: "e2a05f1c7d94" };

/// Services outside the checkout are built on their own.
pub(super) fn own_build(service: Service) -> Option<Build> {
    match service {
        Service::Gateway => Some(Build { id: "g-0211", version: "7.2.11", sha: "1f40a7c9be35" }),
        Service::Cart => Some(Build { id: "c-0098", version: "3.9.8", sha: "77d0e5a1463f" }),
        Service::Search => Some(Build { id: "s-0154", version: "5.15.4", sha: "b8c62e0d91fa" }),
        Service::Inventory => Some(Build { id: "i-0040", version: "1.40.2", sha: "20e9d4b7c65a" }),
        _ => None,
    }
}
pub(super) const PAYMENTS_OLD: Build = Build { id: "p-0218", version: "2.18.4", sha: "4d8e0b95c7a2" };
pub(super) const PAYMENTS_NEW: Build = Build { id: "p-0219", version: "2.19.0", sha: "aa6317f0d5e9" };

pub(super) static GIVEN: [&str; 20] = [
    "Aoife", "Seán", "Jonas", "Lena", "Chloé", "Mateo", "Grace", "Owen", "Priya", "Zofia", "נועה", "דוד", "ليلى",
    "عمر", "美咲", "健太", "小明", "서연", "Ngozi", "Iñaki",
];
pub(super) static FAMILY: [&str; 20] = [
    "O'Brien",
    "Murphy",
    "Müller",
    "Schröder",
    "Lefèvre",
    "García",
    "Walker",
    "Nguyen",
    "Patel",
    "Nowak",
    "לוי",
    "כהן",
    "الحداد",
    "منصور",
    "佐藤",
    "田中",
    "王",
    "김",
    "Okafor",
    "Etxeberria",
];
pub(super) static PLANS: [(&str, f64); 4] = [("free", 61.0), ("plus", 27.0), ("family", 9.0), ("business", 3.0)];
pub(super) static DEVICES: [(&str, f64); 5] =
    [("android", 38.0), ("iphone", 31.0), ("desktop", 26.0), ("tablet", 4.0), ("television", 1.0)];
pub(super) static PROVIDERS: [(&str, f64); 4] = [("stripe", 44.0), ("adyen", 38.0), ("klarna", 12.0), ("paypal", 6.0)];
pub(super) static QUERIES: [&str; 14] = [
    "headphones",
    "usb c cable",
    "سماعات لاسلكية",
    "rain jacket",
    "kettle",
    "אוזניות",
    "ワイヤレスイヤホン",
    "desk lamp",
    "running shoes 44",
    "coffee grinder",
    "lego",
    "耳机",
    "water bottle 1l",
    "\"exact phrase\" \\ and more",
];
pub(super) static NOTES: [&str; 6] = [
    "الرجاء ترك الطلب عند الباب الخلفي رقم 12، شكراً",
    "Please ring twice, the bell is \"moody\".",
    "Bitte beim Nachbarn abgeben",
    "נא להשאיר ליד הדלת",
    "置き配でお願いします",
    "Gift: do not print the price.\nNo invoice in the parcel.",
];
pub(super) static AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    "ShopApp/9.14 (Android 14; build 91402)",
    "ShopApp/9.13 (iOS 18.0; build 91377)",
];
