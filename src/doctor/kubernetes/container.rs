//! A container, and the settings that its Portcullis has.

use std::net::IpAddr;
use std::time::Duration;

use crate::doctor::look::Look;
use crate::policy::diagnostic::At;
use crate::policy::units;
use crate::settings::{self, Address, Setting};

/// A container.
#[derive(Debug)]
pub struct Container<'n> {
    /// Its entry, spoken of at its name.
    pub entry: Look<'n>,
    /// Whether it stands among `initContainers`.
    pub is_init: bool,
}

/// A setting of Portcullis, and where it was given; the container itself for a default.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its text.
    pub text: String,
    /// Where.
    pub at: At,
}

impl<'n> Container<'n> {
    /// Takes an entry of a list.
    pub const fn of(entry: Look<'n>, is_init: bool) -> Self {
        Self { entry, is_init }
    }

    /// A sidecar that Kubernetes starts before and ends after the others.
    pub fn is_native(&self) -> bool {
        self.is_init && self.entry.get("restartPolicy").is("Always")
    }

    /// Whether it runs `portcullis serve`.
    pub fn is_portcullis(&self) -> bool {
        let has_settings = || {
            let names = self.entry.get("env").items();
            names.filter_map(|one| one.get("name").text()).any(|name| name.starts_with("PORTCULLIS_"))
        };
        (self.image() == "portcullis" || self.runs("portcullis") || has_settings())
            && !self.does_something_else()
    }

    /// Whether it runs another command of the program, such as `check`. Without one the image serves.
    fn does_something_else(&self) -> bool {
        let mut words = self.arguments().skip(usize::from(self.entry.get("command").is_there()));
        let first = words.find_map(|word| word.text().filter(|word| !word.starts_with('-')));
        first.is_some_and(|word| word != "serve" && word.bytes().all(|byte| byte.is_ascii_lowercase()))
    }

    /// Whether it is an Envoy, or Istio's.
    pub fn is_envoy(&self) -> bool {
        let image = self.image();
        !self.is_portcullis() && (image.contains("envoy") || image == "proxyv2" || self.runs("envoy"))
    }

    /// The name of its image, without registry, tag and digest.
    fn image(&self) -> String {
        let image = self.entry.get("image").text().unwrap_or_default().into_owned();
        let without_digest = image.split('@').next().unwrap_or_default();
        let name = without_digest.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default().to_owned()
    }

    fn runs(&self, program: &str) -> bool {
        let command = self.entry.get("command").items().next().and_then(Look::text);
        command.is_some_and(|command| command.rsplit('/').next() == Some(program))
    }

    /// What holds for a setting: its flag, its variable, or its default. `None` where a file or a reference may
    /// say otherwise.
    pub fn setting(&self, key: &str) -> Option<Given> {
        let setting = settings::ALL.iter().find(|setting| setting.key == key)?;
        if let Some(given) = self.flag(setting) {
            return Some(given);
        }
        if let Some(value) = self.variable(&setting.variable()) {
            return value.text().map(|text| Given { text: text.into_owned(), at: value.at });
        }
        let has_file =
            self.arguments().any(|argument| argument.text().is_some_and(|text| text.starts_with("--config")))
                || self.variable("PORTCULLIS_CONFIG").is_some()
                || self.entry.get("envFrom").is_there();
        (!has_file).then(|| Given { text: setting.default.to_owned(), at: self.entry.at })
    }

    /// A setting that is a duration.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        self.setting(key).and_then(|given| units::duration(&given.text))
    }

    /// A setting that is a size.
    pub fn bytes(&self, key: &str) -> Option<usize> {
        self.setting(key).and_then(|given| units::bytes(&given.text))
    }

    /// What the environment says of a setting; the program's other commands know no more.
    pub fn of_environment(&self, key: &str) -> Option<Look<'n>> {
        let setting = settings::ALL.iter().find(|setting| setting.key == key)?;
        self.variable(&setting.variable())
    }

    fn variable(&self, name: &str) -> Option<Look<'n>> {
        self.entry.get("env").items().find(|one| one.get("name").is(name)).map(|one| one.get("value"))
    }

    /// The addresses of a listener.
    pub fn addresses(&self, key: &str) -> Option<Vec<(Address, At)>> {
        let given = self.setting(key)?;
        let parts = given.text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Some(parts.filter_map(|part| Some((Address::parse(part)?, given.at))).collect())
    }

    fn arguments(&self) -> impl Iterator<Item = Look<'n>> {
        let command: Vec<_> = self.entry.get("command").items().collect();
        command.into_iter().chain(self.entry.get("args").items().collect::<Vec<_>>())
    }

    fn flag(&self, setting: &Setting) -> Option<Given> {
        let flag = format!("--{}", setting.flag());
        let mut arguments = self.arguments();
        while let Some(argument) = arguments.next() {
            let text = argument.text()?;
            if let Some(value) = text.strip_prefix(&flag).and_then(|rest| rest.strip_prefix('=')) {
                return Some(Given { text: value.to_owned(), at: argument.at });
            }
            if *text == *flag {
                let value = arguments.next()?;
                return Some(Given { text: value.text()?.into_owned(), at: value.at });
            }
        }
        None
    }

    /// The number of a port, by number or by the name that the container gives it.
    pub fn port(&self, port: Look<'_>) -> Option<i64> {
        port.number().or_else(|| {
            let name = port.text()?;
            let named = self.entry.get("ports").items().find(|known| known.get("name").is(&name));
            named.and_then(|known| known.get("containerPort").number())
        })
    }
}

/// Whether others than this pod reach an address.
pub fn is_reachable(address: &Address) -> bool {
    match address {
        Address::Tcp(socket) => {
            let ip: IpAddr = socket.ip();
            !ip.is_loopback()
        }
        Address::Unix(_) | Address::Abstract(_) | Address::Systemd(_) => false,
    }
}

/// The port of an address.
pub fn port_of(address: &Address) -> Option<i64> {
    match address {
        Address::Tcp(socket) => Some(i64::from(socket.port())),
        Address::Unix(_) | Address::Abstract(_) | Address::Systemd(_) => None,
    }
}
