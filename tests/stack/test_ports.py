import socket

import pytest

from runlore.kernel.errors import Misconfigured
from runlore.stack import tcp_ports
from runlore.stack.tcp_ports import Port

HOST = "127.0.0.1"


def test_a_port_in_use_is_refused_with_its_setting_and_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"port {number} for mlflow is in use") as error:
            tcp_ports.insist(HOST, Port(number, "mlflow_port"), "mlflow")
    assert "RUNLORE_MLFLOW_PORT=" in str(error.value)
    advised = int(str(error.value).rpartition("=")[2])
    assert tcp_ports.is_free(HOST, advised)


def test_a_port_whose_connections_linger_is_free() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, 0))
        server.listen()
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        accepted.close()
        number = server.getsockname()[1]
    assert tcp_ports.is_free(HOST, number)


def test_an_address_that_is_not_ours_is_named_with_its_setting() -> None:
    with pytest.raises(Misconfigured, match=r"RUNLORE_HOST=192\.0\.2\.1"):
        tcp_ports.is_free("192.0.2.1", 4200)
