"""Names of one's own: what would be made for them. They are planned only, as no emulator has certificates and CloudFront."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.stack import INFRA, Resources, Stack, configured

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CERTIFICATE = 'certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/1", zone_id="Z1"'


def plan(deployment: Stack, folder: Path, variable: str) -> tuple[Resources, dict[str, Any]]:
    zip = folder / "lariat.zip"
    zip.write_bytes(b"anything")
    terraform = configured(folder / "infra", deployment.account, zip)
    terraform.run("plan", "-input=false", "-out=plan", "-var", variable)
    planned = terraform.json("show", "-json", "plan")["planned_values"]
    return Resources(planned), {name: output.get("value") for name, output in planned["outputs"].items()}


def test_a_name_for_each_api(deployment: Stack, tmp_path: Path) -> None:
    planned, outputs = plan(
        deployment, tmp_path, f'domains={{rest="lariat.test", socket="socket.lariat.test", {CERTIFICATE}}}'
    )
    assert (outputs["url"], outputs["socket_url"]) == ("https://lariat.test", "wss://socket.lariat.test")
    domains = planned.by_key("aws_apigatewayv2_domain_name.this")
    assert {name: domain["domain_name"] for name, domain in domains.items()} == {
        "rest": "lariat.test",
        "socket": "socket.lariat.test",
    }
    assert all(domain["domain_name_configuration"][0]["security_policy"] == "TLS_1_2" for domain in domains.values())
    assert set(planned.by_key("aws_apigatewayv2_api_mapping.this")) == set(domains)
    records = planned.by_key("aws_route53_record.domain")
    assert {record["name"] for record in records.values()} == {"lariat.test", "socket.lariat.test"}


def test_one_name_by_cloudfront(deployment: Stack, tmp_path: Path) -> None:
    planned, outputs = plan(deployment, tmp_path, f'cloudfront={{domain="lariat.test", {CERTIFICATE}}}')
    assert (outputs["url"], outputs["socket_url"]) == ("https://lariat.test", "wss://lariat.test/v3/connect")
    # Whose page may open a connection is what people see, and not the host that CloudFront asks.
    assert re.search(r"LARIAT_URL += local\.rest_url\n", (INFRA / "functions.tf").read_text())
    (distribution,) = planned.of("aws_cloudfront_distribution").values()
    assert distribution["aliases"] == ["lariat.test"]
    assert distribution["ordered_cache_behavior"][0]["path_pattern"] == "/v3/connect"
    assert set(planned.by_key("aws_route53_record.cloudfront")) == {"A", "AAAA"}
