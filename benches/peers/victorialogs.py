"""VictoriaLogs as a peer of ingest: started, sent the same bodies, and looked at like Outcrop."""
import socket
import subprocess

from server import Server


class VictoriaLogs(Server):
    ready_path = "/health"
    # What its documentation asks for: the field that makes streams, the time, and the message.
    events_path = "/insert/jsonline?_stream_fields=service.name&_time_field=timestamp&_msg_field=name"

    def _start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # Events of all times are taken, as Outcrop takes them.
        return subprocess.Popen(
            [
                self.binary,
                f"-storageDataPath={self.data_dir}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y",
                "-futureRetention=10y",
            ],
            stdout=subprocess.PIPE,
            stderr=self.log,
        )

    def _address(self):
        return f"http://127.0.0.1:{self.port}"

    def accepted(self, answer):
        """It does not say."""
        return None
