"""Assets and uploads in the embedded store: the writer's part."""

from __future__ import annotations

from ..core.model import Asset, Upload
from .sqlite_connection import Connected


class MediaCommands(Connected):
    """The part of `base.Commands` about media."""

    def add_asset(self, asset: Asset) -> None:
        self._do(
            "INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?)",
            asset.asset_id, asset.owner_id, asset.media_type, asset.size, asset.sha256,
            asset.created_at,
        )  # fmt: skip

    def add_upload(self, upload: Upload) -> None:
        self._do(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
            upload.upload_id, upload.owner_id, upload.media_type, upload.metadata, upload.size,
            upload.expires_at, upload.asset_id,
        )  # fmt: skip

    def finish_upload(self, upload_id: str, asset_id: str) -> None:
        self._do("UPDATE uploads SET asset_id = ? WHERE upload_id = ?", asset_id, upload_id)

    def remove_upload(self, upload_id: str) -> None:
        self._do("DELETE FROM uploads WHERE upload_id = ?", upload_id)

    def remove_uploads(self, expired_before: int, limit: int) -> int:
        rows = self._all(
            "DELETE FROM uploads WHERE upload_id IN (SELECT upload_id FROM uploads WHERE expires_at <= ?"
            " LIMIT ?) RETURNING 1",
            expired_before, limit,
        )  # fmt: skip
        return len(list(rows))

    def remove_orphans(self, created_before: int, limit: int) -> int:
        rows = self._all(
            "DELETE FROM assets WHERE asset_id IN (SELECT asset_id FROM assets a WHERE created_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM carried c WHERE c.asset_id = a.asset_id) LIMIT ?)"
            " RETURNING 1",
            created_before, limit,
        )  # fmt: skip
        return len(list(rows))
