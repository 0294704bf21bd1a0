"""The whole configuration as one frozen value."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from exporter.errors import ConfigurationError, Mistake
from exporter.settings.audit import Audit
from exporter.settings.collectors import Collectors, Filter
from exporter.settings.maintenance import Maintenance
from exporter.settings.section import AtRestart
from exporter.settings.sections import Api, Auth, Events, Log, Storage, Web
from exporter.settings.shards import Part, Shard

NO_CREDENTIAL = (
    "there is no credential; set FLATFILE_EXPORTER_AUTH_CLIENT_ID and"
    " FLATFILE_EXPORTER_AUTH_CLIENT_SECRET (a pair), or FLATFILE_EXPORTER_AUTH_TOKEN (a pat_ token),"
    " or name a file with each one's -file form (FLATFILE_EXPORTER_AUTH_CLIENT_SECRET_FILE,"
    " FLATFILE_EXPORTER_AUTH_TOKEN_FILE)"
)


class LayerSource(PydanticBaseSettingsSource):
    """One layer of values, already nested as the model is; pydantic-settings merges them."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002 - the signature is the library's
        field_name: str,
    ) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._values)


class Settings(BaseSettings):
    """Every setting. ``Settings()`` is the defaults: it reads neither environment nor file.

    ``layers`` are mappings nested as the model is, the strongest first; `exporter.settings.load`
    makes them from flags, environment and file.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=False,  # a default is the value itself, not how it is written
        hide_input_in_errors=True,
    )

    api: Api = Api()
    auth: Auth = Auth()
    web: Web = Web()
    log: Log = Log()
    storage: Storage = Storage()
    collector: Collectors = Collectors()
    filter: Filter = Filter()
    events: Events = Events()
    maintenance: Maintenance = Maintenance()
    audit: Audit = Audit()

    shard: Annotated[Shard, Part(), AtRestart()] = Shard()
    """Which part of the account this process looks at, `0/3` to `2/3` where three share it. Each
    environment belongs to one of them; what belongs to none, and the audit log, to the first."""

    def __init__(self, *, layers: tuple[Mapping[str, Any], ...] = (), **values: Any) -> None:
        super().__init__(_layers=layers, **values)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature of pydantic-settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature of pydantic-settings
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        layers: tuple[Mapping[str, Any], ...] = ()
        if isinstance(init_settings, InitSettingsSource):
            layers = init_settings.init_kwargs.pop("_layers", ())
        return (init_settings, *(LayerSource(settings_cls, layer) for layer in layers))

    def require_credential(self) -> None:
        """Raise ConfigurationError, naming the ways to give one, if there is no credential."""
        if self.auth == Auth():
            raise ConfigurationError(Mistake("auth", "default", NO_CREDENTIAL))
