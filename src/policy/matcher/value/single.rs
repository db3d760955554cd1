//! Fields that are one value, whatever commas stand in it.

/// Whether a field (its name in lower case) is one value and no list: the singleton fields of RFC 9110 (section
/// 5.5; each is told so where it is defined) and RFC 9111, `cookie` (RFC 6265, section 5.4), `origin` (RFC 6454,
/// section 7), and `sec-ch-ua`, whose elements one browser makes up in no order.
pub fn is_one_value(name: &str) -> bool {
    matches!(
        name,
        "user-agent" // 10.1.5
            | "referer" // 10.1.3
            | "from" // 10.1.2
            | "location" // 10.2.2
            | "host" // 7.2
            | "date" // 6.6.1
            | "content-type" // 8.3
            | "content-length" // 8.6
            | "content-location" // 8.7
            | "last-modified" // 8.8.2
            | "etag" // 8.8.3
            | "authorization" // 11.6.2
            | "proxy-authorization" // 11.7.2
            | "if-modified-since" // 13.1.3
            | "if-unmodified-since" // 13.1.4
            | "if-range" // 13.1.5
            | "range" // 14.2
            | "expires" // RFC 9111, 5.3
            | "cookie"
            | "origin"
            | "sec-ch-ua"
    )
}
